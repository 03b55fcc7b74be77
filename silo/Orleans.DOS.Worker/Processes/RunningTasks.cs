using System.Collections.Concurrent;
using System.Text.Json;
using Orleans.DOS.Jobs;

namespace Orleans.DOS.Processes;

/// <summary>The tasks of jobs that run in this worker; how many, the node decides.</summary>
/// <param name="scratchDirectory">This worker's own; the node removes it when the worker has ended, however that came.</param>
internal sealed class RunningTasks(WorkerPipe pipe, ProgramLibrary library, string scratchDirectory)
{
    private readonly TaskRunner _runner = new(library, scratchDirectory);
    private readonly ConcurrentDictionary<(long Channel, long Key), CancellationTokenSource> _running = new();

    public void Start(WorkerTask start, long channel, long key)
    {
        var cancelling = new CancellationTokenSource();
        _running[(channel, key)] = cancelling;
        _ = RunAsync(start, channel, key, cancelling);
    }

    public void Cancel(long channel, long key)
    {
        if (_running.TryGetValue((channel, key), out var cancelling))
        {
            ThreadPool.UnsafeQueueUserWorkItem(static source => source.Cancel(), cancelling, preferLocal: false);
        }
    }

    private async Task RunAsync(WorkerTask start, long channel, long key, CancellationTokenSource cancelling)
    {
        var task = start.Task;
        TaskReport report;
        try
        {
            using var door = MachineDoor.Open(start.Door);
            report = await _runner.RunAsync(task, door.Machine, cancelling.Token);
        }
        // Every end of a task is told: the node counts its slots by these reports.
        catch (Exception failure)
        {
            var error = failure is OperationCanceledException ? "Cancelled" : $"{failure.GetType().Name}: {failure.Message}";
            report = new TaskReport { Job = task.Job, Task = task.Task, Attempt = task.Attempt, Error = error, ErrorCode = (failure as DosException)?.Code };
        }
        _running.TryRemove((channel, key), out _);
        var told = JsonSerializer.SerializeToUtf8Bytes(report, TaskPipeJson.Default.TaskReport);
        if (told.Length > WorkerPipeHeader.PayloadBytesMax)
        {
            var error = $"the report has {told.Length} bytes; {WorkerPipeHeader.PayloadBytesMax} fit into one";
            told = JsonSerializer.SerializeToUtf8Bytes(
                new TaskReport { Job = task.Job, Task = task.Task, Attempt = task.Attempt, Error = error, ErrorCode = DosErrorCode.LimitExceeded }, TaskPipeJson.Default.TaskReport);
        }
        try
        {
            await pipe.SendAsync(WorkerPipeType.TaskDone, 0, channel, key, told);
        }
        catch (Exception failure) when (failure is IOException or ObjectDisposedException)
        {
            // The node is gone and this worker with it.
        }
    }
}
