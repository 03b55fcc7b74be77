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
    /// <summary>
    /// Long poll until the end of an incarnation was told to the process table: null when nothing was within <see cref="Limits.LongPollMax"/>;
    /// NoSuchProcess when it was never here, or is forgotten.
    /// </summary>
    [Alias("WaitTold")] Task<ToldExit?> WaitToldAsync(ProcessId pid, long incarnation);
    [Alias("Signal")] Task SignalAsync(ProcessId pid, long incarnation, ProcessSignal signal);
    [Alias("WriteInput")] Task<long> WriteInputAsync(ProcessId pid, long incarnation, long position, Immutable<byte[]> data);
    [Alias("CloseInput")] Task CloseInputAsync(ProcessId pid, long incarnation);
    [Alias("ReadOutput"), ReadOnly] Task<OutputChunk> ReadOutputAsync(ProcessId pid, long incarnation, OutputStream stream, long position, bool wait);
    /// <summary>Drops captured output and records of an incarnation.</summary>
    [Alias("Forget")] Task ForgetAsync(ProcessId pid, long incarnation);
    /// <summary>Begins attempts at tasks of one job, one after the other, in one of the node's slots. Repeating it is harmless; what fails has begun none.</summary>
    [Alias("StartTasks")] Task StartTasksAsync(IReadOnlyList<Jobs.TaskStart> tasks);
    /// <summary>Ends attempts of a job, by <see cref="Jobs.TaskStart.Key"/>, and forgets them: nobody waits for their reports.</summary>
    [Alias("DropTasks")] Task DropTasksAsync(JobId job, long coordinatorEpoch, IReadOnlyList<long> keys);
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

/// <summary>An end of which the process table knows.</summary>
/// <param name="IsLast">The table holds exactly this as the process' end; otherwise it may have been started again, or ended otherwise: the row tells.</param>
[GenerateSerializer, Immutable, Alias("dos.ToldExit")]
public sealed record ToldExit([property: Id(0)] ProcessExit Exit, [property: Id(1)] bool IsLast);

/// <summary>The end of one incarnation of a process that no policy starts again.</summary>
[GenerateSerializer, Immutable, Alias("dos.ProcessEnd")]
public sealed record ProcessEnd([property: Id(0)] ProcessId Pid, [property: Id(1)] long Incarnation, [property: Id(2)] ProcessExit Exit);

/// <summary>What the nucleus tells a machine's process table (the table's grain implements it; key: GrainKeys.Machine). Told again until it answers.</summary>
[Alias("dos.IProcessTableDoor")]
public interface IProcessTableDoor : IGrainWithStringKey
{
    /// <summary>Makes ends durable, many in one commit.</summary>
    /// <returns>For each, whether it stands in the table now by this call; what does not is to be told to the process' own door.</returns>
    [Alias("Ended")] Task<IReadOnlyList<bool>> EndedAsync(NodeId node, IReadOnlyList<ProcessEnd> ends);
}

/// <summary>
/// What the nucleus tells a process' door (the process grain implements it; key: GrainKeys.Process). Told again until it answers.
/// </summary>
[Alias("dos.IProcessDoor")]
public interface IProcessDoor : IGrainWithStringKey
{
    [Alias("Exited"), AlwaysInterleave] Task ExitedAsync(NodeId node, long incarnation, ProcessExit exit);
}
