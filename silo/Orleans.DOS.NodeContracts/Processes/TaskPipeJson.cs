using System.Text.Json;
using System.Text.Json.Serialization;
using Orleans.DOS.Jobs;

namespace Orleans.DOS.Processes;

/// <summary>Payload of <see cref="WorkerPipeType.StartTask"/>.</summary>
public sealed record WorkerTask(TaskStart Task, WorkerDoor Door);

/// <summary>The JSON of the pipe's payloads about tasks.</summary>
[JsonSourceGenerationOptions(IncludeFields = true, IgnoreReadOnlyProperties = true)]
[JsonSerializable(typeof(WorkerTask))]
[JsonSerializable(typeof(TaskReport))]
public sealed partial class TaskPipeJson : JsonSerializerContext;
