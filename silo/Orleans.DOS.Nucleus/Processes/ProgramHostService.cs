using Microsoft.Extensions.Logging;
using Orleans.Concurrency;
using Orleans.DOS.Jobs;
using Orleans.DOS.Nodes;
using Orleans.Runtime;

namespace Orleans.DOS.Processes;

/// <summary>The door of this node's <see cref="ProgramHost"/> for grains of all nodes. Its calls interleave: long polls hold nobody up.</summary>
public sealed class ProgramHostService(GrainId id, Silo silo, ILoggerFactory loggers, ProgramHost host, INodeView nodes)
    : GrainService(id, silo, loggers), IProgramHostService
{
    /// <summary>Who chose by a report of the node's earlier start names that one in the row: run here, it would be started again elsewhere as lost.</summary>
    public Task StartAsync(ProcessStart start) => start.NodeIncarnation == 0 || start.NodeIncarnation == nodes.Incarnation
        ? host.StartAsync(start)
        : throw new DosException(DosErrorCode.Unavailable, $"node {nodes.Self} has started again since it was chosen");
    public Task<ProcessExit?> WaitExitAsync(ProcessId pid, long incarnation, bool wait) => host.WaitExitAsync(pid, incarnation, wait);
    public Task<ToldExit?> WaitToldAsync(ProcessId pid, long incarnation) => host.WaitToldAsync(pid, incarnation);
    public Task SignalAsync(ProcessId pid, long incarnation, ProcessSignal signal) => host.SignalAsync(pid, incarnation, signal);
    public Task<long> WriteInputAsync(ProcessId pid, long incarnation, long position, Immutable<byte[]> data) => host.WriteInputAsync(pid, incarnation, position, data.Value);
    public Task CloseInputAsync(ProcessId pid, long incarnation) => host.CloseInputAsync(pid, incarnation);
    public Task<OutputChunk> ReadOutputAsync(ProcessId pid, long incarnation, OutputStream stream, long position, bool wait) => host.ReadOutputAsync(pid, incarnation, stream, position, wait);
    public Task StartTasksAsync(IReadOnlyList<TaskStart> tasks) => host.StartTasksAsync(tasks);
    public Task DropTasksAsync(JobId job, long coordinatorEpoch, IReadOnlyList<long> keys) => host.DropTasksAsync(job, coordinatorEpoch, keys);
    public Task CancelTasksAsync(JobId job, long coordinatorEpoch) => host.CancelTasksAsync(job, coordinatorEpoch);
    public Task<IReadOnlyList<TaskReport>> CollectTasksAsync(JobId job, long coordinatorEpoch, IReadOnlyList<long> acknowledged, bool wait) => host.CollectTasksAsync(job, coordinatorEpoch, acknowledged, wait);

    public Task ForgetAsync(ProcessId pid, long incarnation)
    {
        host.Forget(pid, incarnation);
        return Task.CompletedTask;
    }
}
