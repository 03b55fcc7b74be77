namespace Orleans.DOS.Jobs;

/// <summary>A run of a task that a node shall begin.</summary>
public readonly record struct TaskAssignment(int Task, int Attempt);

/// <summary>
/// The tasks of one job: pending, running (any number of attempts) or done. Layers of work: the sample task, if there is one, then the
/// map tasks, then, when all of them are done, the reduce tasks. The first success of a task counts, every later one is
/// discarded. What ran on a lost node is pending again; so is a done map task whose output lay only there, as long as a reducer
/// may still need it. Failures count towards a limit, losses do not: they are the cluster's fault. So is what the cluster could not do now:
/// the task waits a little and is tried again, for a bounded time.
/// Layers: this file, what becomes of attempts; Assign, which task a node is given. No operation looks at all tasks but those that follow the
/// loss of a node.
/// Sequence of a task: <see cref="Take"/>, then one of <see cref="Succeed"/>, <see cref="Fail"/>, <see cref="Postpone"/>, <see cref="LoseWorker"/>,
/// <see cref="Withdraw"/>, <see cref="LoseNode"/>.
/// </summary>
public sealed partial class TaskTable
{
    private readonly int _maps;
    private readonly int _reduces;
    private readonly int _attemptsMax;
    private readonly TaskEntry[] _entries;
    private readonly Dictionary<TaskAssignment, RunningAttempt> _running = [];
    private readonly Dictionary<NodeId, int> _runningByNode = [];
    private readonly Dictionary<NodeId, int> _lanesByNode = [];
    // Attempts that run on though another one's result counts: their nodes are to be told.
    private readonly List<(NodeId Node, TaskAssignment Assignment)> _losers = [];
    // Tasks that are neither pending nor running nor done: not before the instant.
    private readonly SortedSet<(DateTimeOffset NotBefore, int Task)> _postponed = [];
    // 0 <= _done[layer] <= tasks of the layer.
    private readonly int[] _done = new int[3];

    private const int SampleLayer = (int)TaskLayer.Sample;
    private const int MapLayer = (int)TaskLayer.Map;
    private const int ReduceLayer = (int)TaskLayer.Reduce;

    public TaskTable(int maps, int reduces, bool hasSample, int attemptsMax)
    {
        (_maps, _reduces, _attemptsMax, HasSample) = (maps, reduces, attemptsMax, hasSample);
        _entries = new TaskEntry[Count];
        for (var task = 0; task < Count; task++)
        {
            _entries[task] = new TaskEntry();
            AddPending(task);
        }
    }

    public bool HasSample { get; }
    public int Count => _maps + _reduces + (HasSample ? 1 : 0);
    public int SampleTask => HasSample ? _maps + _reduces : throw new InvalidOperationException("the job has no sample task");
    public int Done => _done.Sum();
    public int Running => _running.Count;
    /// <summary>Attempts begun again after a failure or a loss.</summary>
    public int Retried { get; private set; }
    public bool IsComplete => Done == Count;
    /// <summary>Whether all map tasks are done, so that reducers may begin.</summary>
    public bool IsMapped => _done[MapLayer] == _maps && (!HasSample || _done[SampleLayer] == 1);
    /// <summary>Why the job cannot succeed; null as long as it can.</summary>
    public string? Failure { get; private set; }
    public IReadOnlyDictionary<NodeId, int> RunningByNode => _runningByNode;

    public int RunningOn(NodeId node) => _runningByNode.GetValueOrDefault(node);
    /// <summary>Slots of a node that are taken: what was given together (<see cref="Take"/>) runs one after the other in one.</summary>
    public int LanesOn(NodeId node) => _lanesByNode.GetValueOrDefault(node);
    public bool IsDone(int task) => _entries[task].IsDone;
    /// <summary>The attempt whose result counts; 0 while there is none.</summary>
    public int DoneAttempt(int task) => _entries[task].IsDone ? _entries[task].DoneAttempt : 0;
    public TaskLayer KindOf(int task) => (TaskLayer)LayerOf(task);
    public long LocalBytes(int task, NodeId node) => _entries[task].LocalBytes.GetValueOrDefault(node);

    /// <returns>Whether the result may count: the caller then persists it and calls <see cref="Succeed"/>.</returns>
    public bool Accepts(int task, int attempt) =>
        task >= 0 && task < Count && attempt > 0 && attempt <= _entries[task].LastAttempt && !_entries[task].IsDone;

    /// <param name="copies">Where the output lies, one list of nodes for each part of it; empty when it cannot be lost with a node.</param>
    /// <returns>False when it was discarded: another attempt's result counts already.</returns>
    public bool Succeed(int task, int attempt, IReadOnlyList<IReadOnlyList<NodeId>> copies, DateTimeOffset now)
    {
        var ran = task >= 0 && task < Count && Stop(new TaskAssignment(task, attempt), out var stopped) ? now - stopped.Began : default(TimeSpan?);
        if (!Accepts(task, attempt))
        {
            return false;
        }
        if (ran is { } duration)
        {
            _durations[LayerOf(task)].Add(duration);
        }
        MarkDone(task, attempt, copies);
        foreach (var other in _entries[task].Attempts.ToArray())
        {
            var loser = new TaskAssignment(task, other);
            Stop(loser, out var running);
            _losers.Add((running.Node, loser));
        }
        return true;
    }

    /// <summary>Attempts that nobody waits for any more, each told once: their nodes need not go on with them.</summary>
    public IReadOnlyList<(NodeId Node, TaskAssignment Assignment)> TakeLosers()
    {
        (NodeId, TaskAssignment)[] losers = [.. _losers];
        _losers.Clear();
        return losers;
    }

    /// <summary>From the journal, before anything is assigned.</summary>
    public void Restore(int task, int attempt, IReadOnlyList<IReadOnlyList<NodeId>> copies)
    {
        _entries[task].LastAttempt = Math.Max(_entries[task].LastAttempt, attempt);
        MarkDone(task, attempt, copies);
    }

    /// <summary>An attempt ended with an error. Repeats and attempts that were given up are discarded.</summary>
    public void Fail(int task, int attempt, string error)
    {
        if (task < 0 || task >= Count || !Stop(new TaskAssignment(task, attempt)) || _entries[task].IsDone)
        {
            return;
        }
        Charge(task, error);
        Available(task);
        Retry(task);
    }

    /// <summary>
    /// An attempt ended because the cluster was unavailable to it: tried again after <see cref="Limits.TaskUnavailablePause"/>
    /// (<see cref="Wake"/>) without being charged. Once that has gone on for <see cref="Limits.TaskUnavailableMax"/>, and for as many attempts as
    /// the job allows failures, the job fails for that reason.
    /// </summary>
    public void Postpone(int task, int attempt, string error, DateTimeOffset now)
    {
        if (task < 0 || task >= Count || !Stop(new TaskAssignment(task, attempt)) || _entries[task].IsDone)
        {
            return;
        }
        var entry = _entries[task];
        entry.UnavailableSince ??= now;
        if (++entry.Postponements >= _attemptsMax && now - entry.UnavailableSince >= Limits.TaskUnavailableMax)
        {
            Failure ??= $"{KindOf(task)} task {task} has met an unavailable cluster since {entry.UnavailableSince:u}; at last: {error}";
        }
        Retried++;
        if (entry.Attempts.Count == 0 && !_pending[LayerOf(task)].Contains(task))
        {
            _postponed.Add((now + Limits.TaskUnavailablePause, task));
        }
    }

    /// <summary>How long the cluster has been unavailable to a task's attempts in a row.</summary>
    public TimeSpan UnavailableFor(int task, DateTimeOffset now) =>
        task >= 0 && task < Count && _entries[task].UnavailableSince is { } since ? now - since : TimeSpan.Zero;

    /// <summary>Postponed tasks whose pause is over wait to be assigned again.</summary>
    public void Wake(DateTimeOffset now)
    {
        while (_postponed.Count > 0 && _postponed.Min is var first && first.NotBefore <= now)
        {
            _postponed.Remove(first);
            Queue(first.Task);
        }
    }

    /// <summary>An attempt's worker ended with others in it: not charged, unless it happens to the task again and again.</summary>
    public void LoseWorker(int task, int attempt, string error)
    {
        if (task < 0 || task >= Count || !Stop(new TaskAssignment(task, attempt)) || _entries[task].IsDone)
        {
            return;
        }
        Available(task);
        if (++_entries[task].WorkerLosses >= Limits.TaskWorkerLossesMax)
        {
            Failure ??= $"{KindOf(task)} task {task} lost its worker {Limits.TaskWorkerLossesMax} times; at last: {error}";
        }
        Retry(task);
    }

    /// <summary>A reducer could not read the output of a map task's attempt: the map task runs again, and it, not the reducer, is charged.</summary>
    public void FailForLostInput(int reduce, int attempt, int map, int mapAttempt, string error)
    {
        if (reduce < 0 || reduce >= Count || !Stop(new TaskAssignment(reduce, attempt)))
        {
            return;
        }
        if (map < _maps && map >= 0 && DoneAttempt(map) == mapAttempt && _done[ReduceLayer] < _reduces)
        {
            Charge(map, error);
            Undo(map);
        }
        if (!_entries[reduce].IsDone)
        {
            Available(reduce);
            Retry(reduce);
        }
    }

    /// <summary>An attempt was not begun after all: the task waits again.</summary>
    /// <param name="isCertain">
    /// The node has refused it, so that nobody will ever report it: its number is given again. Nodes that are full refuse twice a second.
    /// </param>
    public void Withdraw(int task, int attempt, bool isCertain = false)
    {
        if (Stop(new TaskAssignment(task, attempt)))
        {
            if (isCertain && _entries[task].LastAttempt == attempt)
            {
                _entries[task].LastAttempt--;
            }
            Queue(task);
        }
    }

    /// <summary>A node died: its attempts are lost, and map outputs of which no copy lies on one of <paramref name="alive"/>.</summary>
    public void LoseNode(NodeId node, IReadOnlySet<NodeId> alive)
    {
        foreach (var (assignment, _) in _running.Where(pair => pair.Value.Node == node).ToArray())
        {
            Stop(assignment);
            if (!_entries[assignment.Task].IsDone)
            {
                Available(assignment.Task);
                Retry(assignment.Task);
            }
        }
        LoseOutputs(alive);
    }

    /// <summary>Map outputs of which no copy is left are made again; also asked after a restore.</summary>
    public void LoseOutputs(IReadOnlySet<NodeId> alive)
    {
        // Without reducers the outputs are results, which are replicated; with all reducers done nobody reads them any more.
        if (_reduces == 0 || _done[ReduceLayer] == _reduces)
        {
            return;
        }
        for (var task = 0; task < _maps; task++)
        {
            if (_entries[task].IsDone && _entries[task].Copies.Any(nodes => !nodes.Any(alive.Contains)))
            {
                Undo(task);
            }
        }
    }

    private bool Stop(TaskAssignment assignment) => Stop(assignment, out _);

    private bool Stop(TaskAssignment assignment, out RunningAttempt stopped)
    {
        if (!_running.Remove(assignment, out stopped))
        {
            return false;
        }
        _entries[assignment.Task].Attempts.Remove(assignment.Attempt);
        _byBegin.Remove((stopped.Began, assignment.Task, assignment.Attempt));
        Decrement(_runningByNode, stopped.Node);
        if (--stopped.Lane.Left == 0)
        {
            Decrement(_lanesByNode, stopped.Node);
        }
        return true;
    }

    private static void Decrement(Dictionary<NodeId, int> counts, NodeId node)
    {
        if (--counts[node] == 0)
        {
            counts.Remove(node);
        }
    }

    private void MarkDone(int task, int attempt, IReadOnlyList<IReadOnlyList<NodeId>> copies)
    {
        var entry = _entries[task];
        if (!entry.IsDone)
        {
            _done[LayerOf(task)]++;
        }
        (entry.IsDone, entry.DoneAttempt, entry.Copies) = (true, attempt, copies);
        RemovePending(task);
    }

    private void Undo(int task)
    {
        var entry = _entries[task];
        _done[LayerOf(task)]--;
        (entry.IsDone, entry.Copies) = (false, []);
        Retry(task);
    }

    /// <summary>Something else than an unavailable cluster ended an attempt: what was counted in a row begins anew.</summary>
    private void Available(int task) => (_entries[task].UnavailableSince, _entries[task].Postponements) = (null, 0);

    private void Charge(int task, string error)
    {
        if (++_entries[task].Failures >= _attemptsMax)
        {
            Failure ??= $"{KindOf(task)} task {task} failed {_attemptsMax} times; at last: {error}";
        }
    }

    private void Retry(int task)
    {
        if (Queue(task))
        {
            Retried++;
        }
    }

    /// <returns>False when it waits already, or another attempt at it still runs.</returns>
    private bool Queue(int task) => !_entries[task].IsDone && _entries[task].Attempts.Count == 0 && AddPending(task);

    private int LayerOf(int task) => task < _maps ? MapLayer : task < _maps + _reduces ? ReduceLayer : SampleLayer;

    /// <summary>Attempts that were given to a node together.</summary>
    private sealed class Lane
    {
        /// <summary>Attempts in it that have not ended.</summary>
        public int Left { get; set; }
    }

    private readonly record struct RunningAttempt(NodeId Node, DateTimeOffset Began, Lane Lane);

    private sealed class TaskEntry
    {
        private static readonly Dictionary<NodeId, long> Nowhere = [];

        public bool IsDone { get; set; }
        public int DoneAttempt { get; set; }
        /// <summary>The highest attempt ever begun, so that no two share a number.</summary>
        public int LastAttempt { get; set; }
        public int Failures { get; set; }
        public int WorkerLosses { get; set; }
        /// <summary>Of the attempts in a row that the cluster was unavailable to: the first one's end, and how many.</summary>
        public DateTimeOffset? UnavailableSince { get; set; }
        public int Postponements { get; set; }
        /// <summary>Those that run: at most <see cref="AttemptsAtOnceMax"/>, and what was withdrawn in doubt is none.</summary>
        public List<int> Attempts { get; } = new(1);
        public IReadOnlyList<IReadOnlyList<NodeId>> Copies { get; set; } = [];
        public IReadOnlyDictionary<NodeId, long> LocalBytes { get; set; } = Nowhere;
        public NodeId[] Near { get; set; } = [];
    }
}
