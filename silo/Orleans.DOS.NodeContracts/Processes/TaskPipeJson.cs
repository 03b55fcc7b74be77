using System.Text.Json;
using System.Text.Json.Serialization;
using Orleans.DOS.Jobs;

namespace Orleans.DOS.Processes;

/// <summary>Payload of <see cref="WorkerPipeType.StartTask"/>.</summary>
/// <param name="First">What the first one is, and all the others but for what <see cref="TaskTurn"/> says.</param>
/// <param name="Others">Begun one after the other behind it.</param>
public sealed record WorkerTasks(TaskStart First, IReadOnlyList<TaskTurn> Others, WorkerDoor Door)
{
    /// <summary>All of them, in their order.</summary>
    public IEnumerable<TaskStart> All() =>
        [First, .. Others.Select(turn => First with { Task = turn.Task, Attempt = turn.Attempt, Inputs = turn.Inputs, Output = turn.Output })];
}

/// <summary>In what a task differs from others of its job and kind.</summary>
public sealed record TaskTurn(int Task, int Attempt, IReadOnlyList<TaskInput> Inputs, string Output);

/// <summary>The JSON of the pipe's payloads about tasks.</summary>
[JsonSourceGenerationOptions(IncludeFields = true, IgnoreReadOnlyProperties = true)]
[JsonSerializable(typeof(WorkerTasks))]
[JsonSerializable(typeof(IReadOnlyList<TaskReport>))]
public sealed partial class TaskPipeJson : JsonSerializerContext;
