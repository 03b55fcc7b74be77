using System.Collections.Concurrent;
using System.Diagnostics;
using System.Text.Json;
using System.Threading.Channels;
using Orleans.DOS.Jobs;

namespace Orleans.DOS.Processes;

/// <summary>
/// The tasks of jobs that run in this worker. What came in one message runs one after the other on one thread, with one door to the machine;
/// how many messages at once, the node decides. Reports go back as they come, those that wait for the pipe together.
/// </summary>
/// <param name="scratchDirectory">This worker's own; the node removes it when the worker has ended, however that came.</param>
internal sealed class RunningTasks(WorkerPipe pipe, ProgramLibrary library, string scratchDirectory)
{
    /// <summary>Reports of tasks that end within it of each other travel together.</summary>
    private static readonly TimeSpan ReportPause = TimeSpan.FromMilliseconds(10);
    private readonly TaskRunner _runner = new(library, scratchDirectory);
    private readonly ConcurrentDictionary<(long Channel, long Key), CancellationTokenSource> _running = new();

    public void Start(WorkerTasks start, long channel)
    {
        var tasks = start.All().Select(task => (Task: task, Cancelling: new CancellationTokenSource())).ToArray();
        foreach (var (task, cancelling) in tasks)
        {
            _running[(channel, task.Key)] = cancelling;
        }
        var reports = Channel.CreateBounded<IReadOnlyList<TaskReport>>(new BoundedChannelOptions(tasks.Length) { SingleReader = true, SingleWriter = true });
        _ = TellAsync(reports.Reader, channel);
        _ = Task.Factory.StartNew(() => RunAll(start.Door, tasks, channel, reports.Writer), CancellationToken.None, TaskCreationOptions.LongRunning, TaskScheduler.Default);
    }

    public void Cancel(long channel, long key)
    {
        if (_running.TryGetValue((channel, key), out var cancelling))
        {
            ThreadPool.UnsafeQueueUserWorkItem(static source => source.Cancel(), cancelling, preferLocal: false);
        }
    }

    private void RunAll(WorkerDoor at, (TaskStart Task, CancellationTokenSource Cancelling)[] tasks, long channel, ChannelWriter<IReadOnlyList<TaskReport>> reports)
    {
        var door = new Lazy<MachineDoor>(() => MachineDoor.Open(at));
        var together = new List<TaskReport>();
        var untold = Stopwatch.GetTimestamp();
        foreach (var (task, cancelling) in tasks)
        {
            var begin = Stopwatch.GetTimestamp();
            together.Add(Run(task, door, cancelling.Token) with { Ran = Stopwatch.GetElapsedTime(begin) });
            _running.TryRemove((channel, task.Key), out _);
            if (Stopwatch.GetElapsedTime(untold) >= ReportPause || task == tasks[^1].Task)
            {
                // Never full: it has room for each of them alone.
                reports.TryWrite(together);
                (together, untold) = ([], Stopwatch.GetTimestamp());
            }
        }
        reports.Complete();
        if (door.IsValueCreated)
        {
            door.Value.Dispose();
        }
    }

    private TaskReport Run(TaskStart task, Lazy<MachineDoor> door, CancellationToken cancellation)
    {
        try
        {
            cancellation.ThrowIfCancellationRequested();
            return _runner.Run(task, door.Value.Machine, cancellation);
        }
        // Every end of a task is told: the node counts its slots by these reports.
        catch (Exception failure)
        {
            var error = failure is OperationCanceledException ? "Cancelled" : $"{failure.GetType().Name}: {failure.Message}";
            return new TaskReport { Job = task.Job, Task = task.Task, Attempt = task.Attempt, Error = error, ErrorCode = (failure as DosException)?.Code };
        }
    }

    private async Task TellAsync(ChannelReader<IReadOnlyList<TaskReport>> reports, long channel)
    {
        await foreach (var together in reports.ReadAllAsync())
        {
            await TellAsync(together, channel);
        }
    }

    private async Task TellAsync(IReadOnlyList<TaskReport> reports, long channel)
    {
        var told = JsonSerializer.SerializeToUtf8Bytes(reports, TaskPipeJson.Default.IReadOnlyListTaskReport);
        if (told.Length > WorkerPipeHeader.PayloadBytesMax)
        {
            if (reports.Count > 1)
            {
                await TellAsync([.. reports.Take(reports.Count / 2)], channel);
                await TellAsync([.. reports.Skip(reports.Count / 2)], channel);
                return;
            }
            var error = $"the report has {told.Length} bytes; {WorkerPipeHeader.PayloadBytesMax} fit into one";
            TaskReport[] failed =
                [new() { Job = reports[0].Job, Task = reports[0].Task, Attempt = reports[0].Attempt, Error = error, ErrorCode = DosErrorCode.LimitExceeded }];
            told = JsonSerializer.SerializeToUtf8Bytes(failed, TaskPipeJson.Default.IReadOnlyListTaskReport);
        }
        try
        {
            await pipe.SendAsync(WorkerPipeType.TaskDone, 0, channel, 0, told);
        }
        catch (Exception failure) when (failure is IOException or ObjectDisposedException)
        {
            // The node is gone and this worker with it.
        }
    }
}
