using System.Text.Json;
using Orleans.DOS.Jobs;

namespace Orleans.DOS.Processes;

/// <summary>
/// The tasks of jobs on this node: as many at once as it has slots. Tasks that came together share a slot, a channel to one worker and their
/// messages, and run there one after the other. A report is kept until the coordinator acknowledges it. Of two
/// coordinators of one job the one with the higher epoch counts: its first call cancels what the older one started.
/// </summary>
internal sealed class HostedTasks(WorkerPool pool, int slots, TimeSpan grace, TimeProvider time, Func<TaskStart, WorkerDoor> door)
{
    /// <summary>Jobs whose epoch is remembered; the oldest without tasks is forgotten first.</summary>
    private const int JobsMax = 1024;

    private readonly Lock _gate = new();
    private readonly Dictionary<long, Job> _jobs = [];
    /// <summary>By channel: those in which something has not ended.</summary>
    private readonly Dictionary<long, Lane> _lanes = [];
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

    /// <param name="tasks">Of one job and kind; they differ in what <see cref="TaskTurn"/> has.</param>
    /// <exception cref="DosException">
    /// LimitExceeded: no slot is free. Stale: a newer coordinator was here, or this one's tasks were cancelled. InvalidArgument: the tasks do
    /// not fit into a message to a worker, and never will.
    /// </exception>
    public async Task StartAsync(IReadOnlyList<TaskStart> tasks)
    {
        if (Admit(tasks) is not { } lane)
        {
            return;
        }
        try
        {
            var payload = JsonSerializer.SerializeToUtf8Bytes(lane.Message(door), TaskPipeJson.Default.WorkerTasks);
            if (payload.Length > WorkerPipeHeader.PayloadBytesMax)
            {
                throw new DosException(
                    DosErrorCode.InvalidArgument, $"task {tasks[0].Task} takes {payload.Length} bytes to tell to a worker; {WorkerPipeHeader.PayloadBytesMax} are allowed");
            }
            var worker = await pool.OccupyAloneAsync().ConfigureAwait(false);
            lock (_gate)
            {
                lane.Worker = worker;
            }
            await worker.SendAsync(WorkerPipeType.StartTask, 0, lane.Channel, 0, payload).ConfigureAwait(false);
        }
        catch
        {
            // Nothing runs; the coordinator may ask another node.
            if (Abandon(lane))
            {
                throw;
            }
            return;
        }
        if (lane.Worker is { IsLost: true })
        {
            // Whoever was in it besides is not known any more.
            Lose(lane, isShared: true);
            return;
        }
        foreach (var entry in lane.Entries.Values.Where(entry => entry.IsCancelled))
        {
            _ = StopAsync(entry);
        }
    }

    /// <returns>False when all in it had ended before.</returns>
    private bool Abandon(Lane lane)
    {
        lock (_gate)
        {
            return lane.Entries.Values.Count(entry => Finish(entry, report: null)) > 0;
        }
    }

    /// <returns>Null when all of them are here already.</returns>
    private Lane? Admit(IReadOnlyList<TaskStart> tasks)
    {
        lock (_gate)
        {
            var (id, epoch) = (tasks[0].Job, tasks[0].CoordinatorEpoch);
            var job = JobOf(id, epoch);
            if (epoch <= job.CancelledEpoch)
            {
                throw new DosException(DosErrorCode.Stale, $"the tasks of job {id} under epoch {epoch} were cancelled");
            }
            var added = tasks.Where(task => !job.Entries.ContainsKey(task.Key)).ToArray();
            if (added.Length == 0)
            {
                return null;
            }
            // Of short tasks the next ones wait here, so that a slot does not stand still while the last ones are told and journaled.
            if (_lanes.Count >= (tasks.Count > 1 ? 2 * slots : slots))
            {
                throw new DosException(DosErrorCode.LimitExceeded, $"this node runs tasks in {slots} slots already");
            }
            var lane = new Lane(++_lastChannel, added.Length);
            foreach (var task in added)
            {
                var entry = new Entry(job, task, lane);
                lane.Entries.Add(task.Key, entry);
                job.Entries.Add(task.Key, entry);
            }
            _lanes.Add(lane.Channel, lane);
            _running += added.Length;
            return lane;
        }
    }

    /// <summary>Ends some attempts of a job and forgets them, whether they run or wait to be collected.</summary>
    public Task DropAsync(JobId id, long epoch, IReadOnlyList<long> keys)
    {
        lock (_gate)
        {
            var job = JobOf(id, epoch);
            foreach (var key in keys)
            {
                if (job.Entries.Remove(key, out var entry))
                {
                    Cancel(entry);
                }
            }
        }
        return Task.CompletedTask;
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
            if (job.Changed.Task.IsCompleted)
            {
                job.Changed = NewSignal();
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

    public void Done(WorkerConnection worker, long channel, IReadOnlyList<TaskReport> reports)
    {
        lock (_gate)
        {
            if (!_lanes.TryGetValue(channel, out var lane) || lane.Worker != worker)
            {
                return;
            }
            foreach (var report in reports)
            {
                if (lane.Entries.TryGetValue(report.Key, out var entry))
                {
                    Finish(entry, report);
                }
            }
        }
    }

    /// <summary>Everything in a dead worker has ended.</summary>
    public void Lost(WorkerConnection worker)
    {
        // Asked before any of them is taken out of it.
        var isShared = worker.Load > 1;
        Lane[] lanes;
        lock (_gate)
        {
            lanes = [.. _lanes.Values.Where(lane => lane.Worker == worker)];
        }
        foreach (var lane in lanes)
        {
            Lose(lane, isShared);
        }
    }

    /// <summary>Of tasks that were to run one after the other the first that has not ended may be to blame; those behind it had not begun.</summary>
    private void Lose(Lane lane, bool isShared)
    {
        lock (_gate)
        {
            var isFirst = true;
            foreach (var entry in lane.Entries.Values)
            {
                isFirst &= !Finish(entry, WorkerLost(entry.Start, isShared || !isFirst));
            }
        }
    }

    /// <summary>Call with the gate held: what waits for it runs later, elsewhere.</summary>
    /// <returns>False when it had ended before.</returns>
    private bool Finish(Entry entry, TaskReport? report)
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
        if (--entry.Lane.Left == 0)
        {
            _lanes.Remove(entry.Lane.Channel);
            entry.Lane.Worker?.Vacate();
        }
        entry.Finished?.TrySetResult();
        // A signal that was given already tells of this one too: whoever waits looks when the gate is free.
        entry.Job.Changed.TrySetResult();
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
        foreach (var entry in job.Entries.Values)
        {
            Cancel(entry);
        }
        job.Entries.Clear();
    }

    /// <summary>It holds its slot until it has really stopped, under no key, so that the same task can start anew. Call with the gate held.</summary>
    private void Cancel(Entry entry)
    {
        if (entry.IsFinished)
        {
            return;
        }
        entry.IsCancelled = true;
        entry.Finished = NewSignal();
        entry.Job.Cancelled.Add(entry);
        if (entry.Lane.Worker is not null)
        {
            _ = StopAsync(entry);
        }
    }

    private async Task StopAsync(Entry entry)
    {
        var worker = entry.Lane.Worker!;
        try
        {
            await worker.SendAsync(WorkerPipeType.CancelTask, 0, entry.Lane.Channel, entry.Start.Key, default).ConfigureAwait(false);
        }
        catch (DosException failure) when (failure.Code == DosErrorCode.Unavailable)
        {
            // The worker is gone and the task with it.
            return;
        }
        var finished = entry.Finished!.Task;
        await finished.WaitAsync(grace, time).ConfigureAwait(ConfigureAwaitOptions.SuppressThrowing);
        if (!finished.IsCompleted)
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

    /// <summary>A slot that is taken: the tasks that came together.</summary>
    private sealed class Lane(long channel, int count)
    {
        public long Channel => channel;
        /// <summary>How many have not ended.</summary>
        public int Left { get; set; } = count;
        /// <summary>By key, in the order in which they run.</summary>
        public OrderedDictionary<long, Entry> Entries { get; } = new(count);
        public WorkerConnection? Worker { get; set; }

        public WorkerTasks Message(Func<TaskStart, WorkerDoor> door)
        {
            var first = Entries.GetAt(0).Value.Start;
            var others = Entries.Values.Skip(1).Select(entry => entry.Start).Select(task => new TaskTurn(task.Task, task.Attempt, task.Inputs, task.Output));
            return new WorkerTasks(first, [.. others], door(first));
        }
    }

    private sealed class Entry(Job job, TaskStart start, Lane lane)
    {
        public Job Job => job;
        public TaskStart Start => start;
        public Lane Lane => lane;
        public bool IsCancelled { get; set; }
        public bool IsFinished { get; set; }
        public TaskReport? Report { get; set; }
        /// <summary>Of a cancelled one: completes when it has really ended.</summary>
        public TaskCompletionSource? Finished { get; set; }
    }
}
