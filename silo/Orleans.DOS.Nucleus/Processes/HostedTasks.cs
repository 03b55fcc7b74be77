using System.Text.Json;
using Orleans.DOS.Jobs;

namespace Orleans.DOS.Processes;

/// <summary>
/// The tasks of jobs on this node: as many at once as it has slots. A report is kept until the coordinator acknowledges it. Of two
/// coordinators of one job the one with the higher epoch counts: its first call cancels what the older one started.
/// </summary>
internal sealed class HostedTasks(WorkerPool pool, int slots, TimeSpan grace, TimeProvider time, Func<TaskStart, WorkerDoor> door)
{
    /// <summary>Jobs whose epoch is remembered; the oldest without tasks is forgotten first.</summary>
    private const int JobsMax = 1024;

    private readonly Lock _gate = new();
    private readonly Dictionary<long, Job> _jobs = [];
    private long _lastChannel;
    private long _lastJob;
    private int _running;

    public int Running
    {
        get
        {
            lock (_gate)
            {
                return _running;
            }
        }
    }

    /// <exception cref="DosException">
    /// LimitExceeded: no slot is free. Stale: a newer coordinator was here, or this one's tasks were cancelled. InvalidArgument: the task does
    /// not fit into a message to a worker, and never will.
    /// </exception>
    public async Task StartAsync(TaskStart task)
    {
        Entry entry;
        lock (_gate)
        {
            var job = JobOf(task.Job, task.CoordinatorEpoch);
            if (task.CoordinatorEpoch <= job.CancelledEpoch)
            {
                throw new DosException(DosErrorCode.Stale, $"the tasks of job {task.Job} under epoch {task.CoordinatorEpoch} were cancelled");
            }
            if (job.Entries.ContainsKey(task.Key))
            {
                return;
            }
            if (_running >= slots)
            {
                throw new DosException(DosErrorCode.LimitExceeded, $"this node runs {slots} tasks already");
            }
            _running++;
            entry = new Entry(job, task, ++_lastChannel);
            job.Entries[task.Key] = entry;
        }
        try
        {
            var payload = JsonSerializer.SerializeToUtf8Bytes(new WorkerTask(task, door(task)), TaskPipeJson.Default.WorkerTask);
            if (payload.Length > WorkerPipeHeader.PayloadBytesMax)
            {
                throw new DosException(
                    DosErrorCode.InvalidArgument, $"task {task.Task} takes {payload.Length} bytes to tell to a worker; {WorkerPipeHeader.PayloadBytesMax} are allowed");
            }
            var worker = await pool.OccupyAloneAsync().ConfigureAwait(false);
            lock (_gate)
            {
                entry.Worker = worker;
            }
            await worker.SendAsync(WorkerPipeType.StartTask, 0, entry.Channel, task.Key, payload).ConfigureAwait(false);
        }
        catch
        {
            // Nothing runs; the coordinator may ask another node.
            if (Finish(entry, report: null))
            {
                throw;
            }
            return;
        }
        if (entry.Worker is { IsLost: true })
        {
            // Whoever was in it besides is not known any more.
            Finish(entry, WorkerLost(task, isShared: true));
        }
        else if (entry.IsCancelled)
        {
            await StopAsync(entry).ConfigureAwait(false);
        }
    }

    /// <summary>Ends what runs of a job, and remembers it, so that a start that this call has overtaken begins nothing.</summary>
    public Task CancelAsync(JobId id, long epoch)
    {
        lock (_gate)
        {
            if (!_jobs.TryGetValue(id.Value, out var job))
            {
                job = Remember(id, epoch);
            }
            if (job.Epoch <= epoch)
            {
                (job.Epoch, job.CancelledEpoch) = (epoch, epoch);
                CancelAll(job);
            }
        }
        return Task.CompletedTask;
    }

    public async Task<IReadOnlyList<TaskReport>> CollectAsync(JobId id, long epoch, IReadOnlyList<long> acknowledged, bool wait)
    {
        Task changed;
        lock (_gate)
        {
            var job = JobOf(id, epoch);
            foreach (var key in acknowledged)
            {
                if (job.Entries.TryGetValue(key, out var entry) && entry.Report is not null)
                {
                    job.Entries.Remove(key);
                }
            }
            if (Reports(job) is { Count: > 0 } reports)
            {
                return reports;
            }
            changed = job.Changed.Task;
        }
        if (wait)
        {
            await changed.WaitAsync(Limits.LongPollMax, time).ConfigureAwait(ConfigureAwaitOptions.SuppressThrowing);
        }
        lock (_gate)
        {
            return Reports(JobOf(id, epoch));
        }
    }

    public void Done(WorkerConnection worker, long channel, long key, TaskReport report)
    {
        if (Find(entry => entry.Worker == worker && entry.Channel == channel && entry.Start.Key == key) is [var entry])
        {
            Finish(entry, report);
        }
    }

    /// <summary>Everything in a dead worker has ended.</summary>
    public void Lost(WorkerConnection worker)
    {
        // Asked before any of them is taken out of it.
        var isShared = worker.Load > 1;
        foreach (var entry in Find(entry => entry.Worker == worker))
        {
            Finish(entry, WorkerLost(entry.Start, isShared));
        }
    }

    private List<Entry> Find(Func<Entry, bool> condition)
    {
        lock (_gate)
        {
            return [.. _jobs.Values.SelectMany(job => job.Entries.Values.Concat(job.Cancelled)).Where(entry => !entry.IsFinished && condition(entry))];
        }
    }

    /// <returns>False when it had ended before.</returns>
    private bool Finish(Entry entry, TaskReport? report)
    {
        TaskCompletionSource changed;
        lock (_gate)
        {
            if (entry.IsFinished)
            {
                return false;
            }
            entry.IsFinished = true;
            entry.Report = report;
            _running--;
            if (!entry.Job.Cancelled.Remove(entry) && report is null)
            {
                entry.Job.Entries.Remove(entry.Start.Key);
            }
            (changed, entry.Job.Changed) = (entry.Job.Changed, NewSignal());
        }
        entry.Worker?.Vacate();
        entry.Finished.TrySetResult();
        changed.TrySetResult();
        return true;
    }

    /// <summary>The job under this epoch. Call with the gate held.</summary>
    private Job JobOf(JobId id, long epoch)
    {
        if (!_jobs.TryGetValue(id.Value, out var job))
        {
            job = Remember(id, epoch);
        }
        if (epoch < job.Epoch)
        {
            throw new DosException(DosErrorCode.Stale, $"job {id} has a coordinator of epoch {job.Epoch}, newer than {epoch}");
        }
        if (epoch > job.Epoch)
        {
            job.Epoch = epoch;
            CancelAll(job);
        }
        return job;
    }

    /// <summary>Call with the gate held.</summary>
    private Job Remember(JobId id, long epoch)
    {
        if (_jobs.Count >= JobsMax)
        {
            var idle = _jobs.Where(pair => pair.Value.Entries.Count + pair.Value.Cancelled.Count == 0).OrderBy(pair => pair.Value.Number).Take(1).ToArray();
            foreach (var (oldest, _) in idle)
            {
                _jobs.Remove(oldest);
            }
        }
        return _jobs[id.Value] = new Job { Epoch = epoch, Number = ++_lastJob };
    }

    /// <summary>Call with the gate held.</summary>
    private void CancelAll(Job job)
    {
        foreach (var entry in job.Entries.Values.Where(entry => !entry.IsFinished))
        {
            // It holds its slot until it has really stopped, under no key, so that the same task can start anew.
            entry.IsCancelled = true;
            job.Cancelled.Add(entry);
            if (entry.Worker is not null)
            {
                _ = StopAsync(entry);
            }
        }
        job.Entries.Clear();
    }

    private async Task StopAsync(Entry entry)
    {
        var worker = entry.Worker!;
        try
        {
            await worker.SendAsync(WorkerPipeType.CancelTask, 0, entry.Channel, entry.Start.Key, default).ConfigureAwait(false);
        }
        catch (DosException failure) when (failure.Code == DosErrorCode.Unavailable)
        {
            // The worker is gone and the task with it.
            return;
        }
        await entry.Finished.Task.WaitAsync(grace, time).ConfigureAwait(ConfigureAwaitOptions.SuppressThrowing);
        if (!entry.Finished.Task.IsCompleted)
        {
            worker.Kill();
        }
    }

    private static List<TaskReport> Reports(Job job) => [.. job.Entries.Values.Select(entry => entry.Report).OfType<TaskReport>()];

    private static TaskReport WorkerLost(TaskStart task, bool isShared) =>
        new() { Job = task.Job, Task = task.Task, Attempt = task.Attempt, Error = "WorkerLost", Output = task.Output, IsWorkerLost = isShared };

    private static TaskCompletionSource NewSignal() => new(TaskCreationOptions.RunContinuationsAsynchronously);

    private sealed class Job
    {
        /// <summary>In the order in which jobs became known.</summary>
        public long Number { get; init; }
        public long Epoch { get; set; }
        /// <summary>Coordinators up to this epoch begin nothing any more.</summary>
        public long CancelledEpoch { get; set; }
        /// <summary>By task key: running, or ended and not acknowledged.</summary>
        public Dictionary<long, Entry> Entries { get; } = [];
        /// <summary>Cancelled and still running.</summary>
        public HashSet<Entry> Cancelled { get; } = [];
        public TaskCompletionSource Changed { get; set; } = NewSignal();
    }

    private sealed class Entry(Job job, TaskStart start, long channel)
    {
        public Job Job => job;
        public TaskStart Start => start;
        public long Channel => channel;
        public WorkerConnection? Worker { get; set; }
        public bool IsCancelled { get; set; }
        public bool IsFinished { get; set; }
        public TaskReport? Report { get; set; }
        public TaskCompletionSource Finished { get; } = NewSignal();
    }
}
