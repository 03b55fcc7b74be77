using Orleans.Concurrency;
using Orleans.DOS.Security;
using Orleans.Services;

namespace Orleans.DOS.Processes;

/// <summary>
/// The program host of one node: owns workers, pipes and captured output, keyed by pid and incarnation; grains come and go.
/// It keeps what it knows of an ended incarnation until <see cref="ForgetAsync"/>.
/// </summary>
[Alias("dos.IProgramHostService")]
public interface IProgramHostService : IGrainService
{
    /// <summary>Starts an incarnation. Repeating it is harmless. Refuses with LimitExceeded when the node is full, UnknownProgram, and Unavailable when an earlier start of the node was meant.</summary>
    [Alias("Start")] Task StartAsync(ProcessStart start);
    /// <summary>Long poll for the end of an incarnation: null when nothing ended within <see cref="Limits.LongPollMax"/>; NoSuchProcess when it was never here.</summary>
    [Alias("WaitExit")] Task<ProcessExit?> WaitExitAsync(ProcessId pid, long incarnation, bool wait);
    [Alias("Signal")] Task SignalAsync(ProcessId pid, long incarnation, ProcessSignal signal);
    [Alias("WriteInput")] Task<long> WriteInputAsync(ProcessId pid, long incarnation, long position, Immutable<byte[]> data);
    [Alias("CloseInput")] Task CloseInputAsync(ProcessId pid, long incarnation);
    [Alias("ReadOutput"), ReadOnly] Task<OutputChunk> ReadOutputAsync(ProcessId pid, long incarnation, OutputStream stream, long position, bool wait);
    /// <summary>Drops captured output and records of an incarnation.</summary>
    [Alias("Forget")] Task ForgetAsync(ProcessId pid, long incarnation);
    [Alias("StartTask")] Task StartTaskAsync(Jobs.TaskStart task);
    [Alias("CancelTasks")] Task CancelTasksAsync(JobId job, long coordinatorEpoch);
    /// <summary>Long poll: ends of this coordinator's tasks that were not told yet; repeats those not in <paramref name="acknowledged"/>.</summary>
    [Alias("CollectTasks")] Task<IReadOnlyList<Jobs.TaskReport>> CollectTasksAsync(JobId job, long coordinatorEpoch, IReadOnlyList<long> acknowledged, bool wait);
}

[GenerateSerializer, Immutable, Alias("dos.ProcessStart")]
public sealed record ProcessStart
{
    [Id(0)] public int Version { get; init; } = 1;
    [Id(1)] public required MachineId Machine { get; init; }
    [Id(2)] public required string MachineName { get; init; }
    [Id(3)] public required ProcessId Pid { get; init; }
    [Id(4)] public required long Incarnation { get; init; }
    [Id(5)] public required ProcessSpec Spec { get; init; }
    [Id(6)] public required Principal Principal { get; init; }
    /// <summary>The start of the node that was chosen; any other refuses. 0 from a release before this field: not checked.</summary>
    [Id(7)] public long NodeIncarnation { get; init; }
}

/// <summary>How an incarnation ended.</summary>
/// <param name="ExitCode">0 to 255; 128 + signal.</param>
/// <param name="Failure">Set when it did not end by itself, e.g. <c>WorkerLost</c>.</param>
[GenerateSerializer, Immutable, Alias("dos.ProcessExit")]
public sealed record ProcessExit([property: Id(0)] int ExitCode, [property: Id(1)] string? Failure, [property: Id(2)] DateTimeOffset Ended);

/// <summary>
/// What the nucleus tells a process' door (the process grain implements it; key: GrainKeys.Process). Told again until it answers.
/// </summary>
[Alias("dos.IProcessDoor")]
public interface IProcessDoor : IGrainWithStringKey
{
    [Alias("Exited"), AlwaysInterleave] Task ExitedAsync(NodeId node, long incarnation, ProcessExit exit);
}
