using System.Diagnostics.CodeAnalysis;

namespace Orleans.DOS.Jobs;

/// <summary>A run of a task that a node shall begin.</summary>
public readonly record struct TaskAssignment(int Task, int Attempt);

/// <summary>
/// The tasks of one job: pending, running (any number of attempts) or done. Layers of work: the sample task, if there is one, then the
/// map tasks, then, when all of them are done, the reduce tasks. The first success of a task counts, every later one is
/// discarded. What ran on a lost node is pending again; so is a done map task whose output lay only there, as long as a reducer
/// may still need it. Failures count towards a limit, losses do not: they are the cluster's fault. So is what the cluster could not do now:
/// the task waits a little and is tried again, for a bounded time.
/// Sequence of a task: <see cref="Assign"/>, then one of <see cref="Succeed"/>, <see cref="Fail"/>, <see cref="Postpone"/>, <see cref="LoseWorker"/>,
/// <see cref="Withdraw"/>, <see cref="LoseNode"/>.
/// </summary>
public sealed class TaskTable
{
    private readonly int _maps;
    private readonly int _reduces;
    private readonly int _attemptsMax;
    private readonly TaskEntry[] _entries;
    private readonly SortedSet<int>[] _pending;
    private readonly Dictionary<NodeId, LinkedList<int>> _local = [];
    private readonly Dictionary<TaskAssignment, NodeId> _running = [];
    private readonly Dictionary<NodeId, int> _runningByNode = [];
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
        _pending = [[], [], []];
        for (var task = 0; task < Count; task++)
        {
            _entries[task] = new TaskEntry();
            _pending[LayerOf(task)].Add(task);
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
    public bool IsDone(int task) => _entries[task].IsDone;
    /// <summary>The attempt whose result counts; 0 while there is none.</summary>
    public int DoneAttempt(int task) => _entries[task].IsDone ? _entries[task].DoneAttempt : 0;
    public TaskLayer KindOf(int task) => (TaskLayer)LayerOf(task);
    public long LocalBytes(int task, NodeId node) => _entries[task].LocalBytes.GetValueOrDefault(node);

    /// <summary>Tells on which nodes how many bytes of a task's input lie; those with at least half of them are preferred.</summary>
    public void Locate(int task, IReadOnlyDictionary<NodeId, long> bytes, long total)
    {
        _entries[task].LocalBytes = bytes;
        _entries[task].Near = [.. bytes.Where(pair => pair.Value * 2 >= total).Select(pair => pair.Key)];
        OfferNear(task);
    }

    /// <summary>The next task for a node with a free slot: one whose data it holds, otherwise the first that waits.</summary>
    public bool TryAssign(NodeId node, [NotNullWhen(true)] out TaskAssignment? assignment)
    {
        assignment = null;
        var layer = HasSample && _done[SampleLayer] == 0 ? SampleLayer : _done[MapLayer] < _maps ? MapLayer : ReduceLayer;
        if (Failure is not null || _pending[layer].Count == 0)
        {
            return false;
        }
        var task = layer == MapLayer && TakeNear(node) is { } near ? near : _pending[layer].Min;
        assignment = Assign(task, node);
        return true;
    }

    /// <returns>Whether the result may count: the caller then persists it and calls <see cref="Succeed"/>.</returns>
    public bool Accepts(int task, int attempt) =>
        task >= 0 && task < Count && attempt > 0 && attempt <= _entries[task].LastAttempt && !_entries[task].IsDone;

    /// <param name="copies">Where the output lies, one list of nodes for each part of it; empty when it cannot be lost with a node.</param>
    /// <returns>False when it was discarded: another attempt's result counts already.</returns>
    public bool Succeed(int task, int attempt, IReadOnlyList<IReadOnlyList<NodeId>> copies)
    {
        if (task >= 0 && task < Count)
        {
            Stop(new TaskAssignment(task, attempt));
        }
        if (!Accepts(task, attempt))
        {
            return false;
        }
        MarkDone(task, attempt, copies);
        return true;
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
        if (entry.Running == 0 && !_pending[LayerOf(task)].Contains(task))
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
        foreach (var (assignment, _) in _running.Where(pair => pair.Value == node).ToArray())
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

    private TaskAssignment Assign(int task, NodeId node)
    {
        var assignment = new TaskAssignment(task, ++_entries[task].LastAttempt);
        _pending[LayerOf(task)].Remove(task);
        _running.Add(assignment, node);
        _entries[task].Running++;
        _runningByNode[node] = RunningOn(node) + 1;
        return assignment;
    }

    private bool Stop(TaskAssignment assignment)
    {
        if (!_running.Remove(assignment, out var node))
        {
            return false;
        }
        _entries[assignment.Task].Running--;
        if (--_runningByNode[node] == 0)
        {
            _runningByNode.Remove(node);
        }
        return true;
    }

    private void MarkDone(int task, int attempt, IReadOnlyList<IReadOnlyList<NodeId>> copies)
    {
        var entry = _entries[task];
        if (!entry.IsDone)
        {
            _done[LayerOf(task)]++;
        }
        (entry.IsDone, entry.DoneAttempt, entry.Copies) = (true, attempt, copies);
        _pending[LayerOf(task)].Remove(task);
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
        Retried++;
        Queue(task);
    }

    private void Queue(int task)
    {
        if (!_entries[task].IsDone && _entries[task].Running == 0 && _pending[LayerOf(task)].Add(task))
        {
            OfferNear(task);
        }
    }

    private void OfferNear(int task)
    {
        foreach (var node in _entries[task].Near)
        {
            if (!_local.TryGetValue(node, out var list))
            {
                _local.Add(node, list = []);
            }
            list.AddLast(task);
        }
    }

    /// <summary>The lists are not tidied when a task is taken elsewhere: what no longer waits is passed over here.</summary>
    private int? TakeNear(NodeId node)
    {
        if (!_local.TryGetValue(node, out var list))
        {
            return null;
        }
        while (list.First is { } first)
        {
            list.RemoveFirst();
            if (_pending[MapLayer].Contains(first.Value))
            {
                return first.Value;
            }
        }
        return null;
    }

    private int LayerOf(int task) => task < _maps ? MapLayer : task < _maps + _reduces ? ReduceLayer : SampleLayer;

    private sealed class TaskEntry
    {
        public bool IsDone { get; set; }
        public int DoneAttempt { get; set; }
        /// <summary>The highest attempt ever begun, so that no two share a number.</summary>
        public int LastAttempt { get; set; }
        public int Failures { get; set; }
        public int WorkerLosses { get; set; }
        /// <summary>Of the attempts in a row that the cluster was unavailable to: the first one's end, and how many.</summary>
        public DateTimeOffset? UnavailableSince { get; set; }
        public int Postponements { get; set; }
        public int Running { get; set; }
        public IReadOnlyList<IReadOnlyList<NodeId>> Copies { get; set; } = [];
        public IReadOnlyDictionary<NodeId, long> LocalBytes { get; set; } = new Dictionary<NodeId, long>();
        public NodeId[] Near { get; set; } = [];
    }
}
