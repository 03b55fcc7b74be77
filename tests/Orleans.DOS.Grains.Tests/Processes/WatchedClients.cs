using System.Collections.Concurrent;
using Orleans.Concurrency;
using Orleans.DOS.Jobs;
using Orleans.DOS.Nodes;
using Orleans.DOS.Processes;
using Orleans.DOS.Segments;

namespace Orleans.DOS.Grains.Tests.Processes;

/// <summary>Sees every task that is started on any node, and lets a test step in.</summary>
internal sealed class TaskWatch
{
    public ConcurrentQueue<(JobId Job, int Task, long Epoch)> Started { get; } = new();

    /// <summary>Calls that started any number of tasks.</summary>
    public ConcurrentQueue<JobId> Calls { get; } = new();

    /// <summary>Awaited before a node is asked to start a task.</summary>
    public Func<TaskStart, Task> Before { get; set; } = static _ => Task.CompletedTask;

    /// <summary>Called when a node has begun a task.</summary>
    public Action<NodeId, TaskStart> After { get; set; } = static (_, _) => { };

    public void Reset() => (Before, After) = (static _ => Task.CompletedTask, static (_, _) => { });

    public int CallsOf(JobId job) => Calls.Count(call => call == job);

    public int StartsOf(JobId job, int task) => Started.Count(start => start.Job == job && start.Task == task);
}

/// <summary>The real way to the nodes, watched.</summary>
internal sealed class WatchedClients(INodeClients inner, TaskWatch watch) : INodeClients
{
    public ISegmentService Segments(NodeId node) => inner.Segments(node);
    public INodeService Node(NodeId node) => inner.Node(node);
    public IProgramHostService Programs(NodeId node) => new WatchedPrograms(node, inner.Programs(node), watch);

    private sealed class WatchedPrograms(NodeId node, IProgramHostService host, TaskWatch watch) : IProgramHostService
    {
        public async Task StartTasksAsync(IReadOnlyList<TaskStart> tasks)
        {
            foreach (var task in tasks)
            {
                await watch.Before(task);
            }
            await host.StartTasksAsync(tasks);
            watch.Calls.Enqueue(tasks[0].Job);
            foreach (var task in tasks)
            {
                watch.Started.Enqueue((task.Job, task.Task, task.CoordinatorEpoch));
                watch.After(node, task);
            }
        }

        public Task DropTasksAsync(JobId job, long coordinatorEpoch, IReadOnlyList<long> keys) => host.DropTasksAsync(job, coordinatorEpoch, keys);

        public Task StartAsync(ProcessStart start) => host.StartAsync(start);
        public Task<ProcessExit?> WaitExitAsync(ProcessId pid, long incarnation, bool wait) => host.WaitExitAsync(pid, incarnation, wait);
        public Task<ToldExit?> WaitToldAsync(ProcessId pid, long incarnation) => host.WaitToldAsync(pid, incarnation);
        public Task SignalAsync(ProcessId pid, long incarnation, ProcessSignal signal) => host.SignalAsync(pid, incarnation, signal);
        public Task<long> WriteInputAsync(ProcessId pid, long incarnation, long position, Immutable<byte[]> data) => host.WriteInputAsync(pid, incarnation, position, data);
        public Task CloseInputAsync(ProcessId pid, long incarnation) => host.CloseInputAsync(pid, incarnation);
        public Task<OutputChunk> ReadOutputAsync(ProcessId pid, long incarnation, OutputStream stream, long position, bool wait) => host.ReadOutputAsync(pid, incarnation, stream, position, wait);
        public Task ForgetAsync(ProcessId pid, long incarnation) => host.ForgetAsync(pid, incarnation);
        public Task CancelTasksAsync(JobId job, long coordinatorEpoch) => host.CancelTasksAsync(job, coordinatorEpoch);
        public Task<IReadOnlyList<TaskReport>> CollectTasksAsync(JobId job, long coordinatorEpoch, IReadOnlyList<long> acknowledged, bool wait) =>
            host.CollectTasksAsync(job, coordinatorEpoch, acknowledged, wait);
    }
}
