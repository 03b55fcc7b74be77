using Orleans.Concurrency;
using Orleans.DOS.Security;

namespace Orleans.DOS.Processes;

/// <summary>The process table of one machine (key: <see cref="GrainKeys.Machine"/>); its rows are in the catalog, so it holds no state.</summary>
[Alias("dos.IProcessTableGrain")]
public interface IProcessTableGrain : IGrainWithStringKey
{
    [Alias("Spawn")] Task<ProcessStatus> SpawnAsync(CallContext context, ProcessSpec spec);
    [Alias("List"), ReadOnly] Task<Page<ProcessStatus>> ListAsync(CallContext context, bool all, string? after, int limit);
    /// <summary>As <see cref="IProcessGrain.WaitAsync"/>, and without an activation of the process' door where its node can be asked at once.</summary>
    [Alias("Wait")] Task<ProcessStatus> WaitAsync(CallContext context, ProcessId pid);
}

/// <summary>The door of one process (key: <see cref="GrainKeys.Process"/>): re-attaches to the worker on the process' node whenever it is activated.</summary>
[Alias("dos.IProcessGrain")]
public interface IProcessGrain : IGrainWithStringKey
{
    [Alias("Status"), AlwaysInterleave] Task<ProcessStatus> StatusAsync(CallContext context);
    /// <summary>Long poll: the status when it ends, or after at most <see cref="Limits.LongPollMax"/> whatever it is.</summary>
    [Alias("Wait"), AlwaysInterleave] Task<ProcessStatus> WaitAsync(CallContext context);
    [Alias("Signal"), AlwaysInterleave] Task SignalAsync(CallContext context, ProcessSignal signal);
    /// <returns>Bytes taken in all; less than position + length while the pipe is full: the caller repeats the rest.</returns>
    [Alias("WriteInput"), AlwaysInterleave] Task<long> WriteInputAsync(CallContext context, long position, Immutable<byte[]> data);
    [Alias("CloseInput"), AlwaysInterleave] Task CloseInputAsync(CallContext context);
    /// <inheritdoc cref="IProcesses.ReadOutputAsync"/>
    [Alias("ReadOutput"), AlwaysInterleave] Task<OutputChunk> ReadOutputAsync(CallContext context, OutputStream stream, long position, bool wait, long incarnation = 0);
}
