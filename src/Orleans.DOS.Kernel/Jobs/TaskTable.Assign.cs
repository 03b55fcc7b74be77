namespace Orleans.DOS.Jobs;

/// <summary>
/// Which tasks a node with a free slot is given. First what waits and whose bytes the node holds; then what lies nowhere in particular; then,
/// when none of its bytes' holders has had room for <see cref="Limits.TaskLocalityWaitMax"/>, what lies elsewhere (delay scheduling: Zaharia et
/// al., EuroSys 2010, section 3.2). When nothing waits, a straggler a second time: one that runs much longer than others of its layer did.
/// </summary>
public sealed partial class TaskTable
{
    /// <summary>Attempts at one task that run at once: the first, and one for a straggler.</summary>
    private const int AttemptsAtOnceMax = 2;
    /// <summary>A straggler has run so many times as long as half of the finished ones.</summary>
    private const int StragglerFactor = 2;
    private readonly SortedSet<int>[] _pending = [[], [], []];
    // Of the pending map tasks those that no node is near to.
    private readonly SortedSet<int> _anywhere = [];
    private readonly Dictionary<NodeId, Queue<int>> _local = [];
    private readonly SortedSet<(DateTimeOffset Began, int Task, int Attempt)> _byBegin = [];
    private readonly RunningMedian[] _durations = [new(), new(), new()];
    // Since when nodes were sent away because others hold the bytes, and none of these came; null after one that came.
    private DateTimeOffset? _waitingForHoldersSince;

    /// <summary>Tasks of the present layer that wait.</summary>
    public int Pending => _pending[Layer].Count;

    private int Layer => HasSample && _done[SampleLayer] == 0 ? SampleLayer : _done[MapLayer] < _maps ? MapLayer : ReduceLayer;

    /// <summary>Tells on which nodes how many bytes of a task's input lie; those with at least half of them are preferred.</summary>
    public void Locate(int task, IReadOnlyDictionary<NodeId, long> bytes, long total)
    {
        _entries[task].LocalBytes = bytes;
        _entries[task].Near = [.. bytes.Where(pair => pair.Value * 2 >= total).Select(pair => pair.Key)];
        if (RemovePending(task))
        {
            AddPending(task);
        }
    }

    /// <summary>What a node with a free slot shall begin: up to <paramref name="max"/> tasks, which take that one slot together; none when there is nothing for it.</summary>
    public IReadOnlyList<TaskAssignment> Take(NodeId node, int max, DateTimeOffset now)
    {
        if (Failure is not null)
        {
            return [];
        }
        var taken = new List<TaskAssignment>();
        var lane = new Lane();
        while (taken.Count < max && (Layer == MapLayer ? TakeNear(node) ?? First(_anywhere) : First(_pending[Layer])) is { } task)
        {
            taken.Add(Assign(task, node, lane, now));
        }
        if (taken.Count == 0 && (StealAfterWait(now) ?? Straggler(node, now)) is { } other)
        {
            taken.Add(Assign(other, node, lane, now));
        }
        return taken;
    }

    /// <summary>A task whose bytes lie on other nodes, once these have had their chance.</summary>
    private int? StealAfterWait(DateTimeOffset now)
    {
        if (Layer != MapLayer || _pending[MapLayer].Count == 0)
        {
            return null;
        }
        _waitingForHoldersSince ??= now;
        // The last one: its holders begin with the first.
        return now - _waitingForHoldersSince >= Limits.TaskLocalityWaitMax ? _pending[MapLayer].Max : null;
    }

    /// <summary>The task that has run for the longest, if it is a straggler and not on this node.</summary>
    private int? Straggler(NodeId node, DateTimeOffset now)
    {
        var layer = Layer;
        if (_pending[layer].Count > 0 || _durations[layer].Median is not { } median)
        {
            return null;
        }
        var patience = TimeSpan.FromTicks(Math.Max(Limits.StragglerRunMin.Ticks, median.Ticks * StragglerFactor));
        foreach (var (began, task, attempt) in _byBegin)
        {
            if (now - began <= patience)
            {
                return null;
            }
            if (LayerOf(task) == layer && _entries[task].Attempts.Count < AttemptsAtOnceMax && _running[new TaskAssignment(task, attempt)].Node != node)
            {
                return task;
            }
        }
        return null;
    }

    private TaskAssignment Assign(int task, NodeId node, Lane lane, DateTimeOffset now)
    {
        var entry = _entries[task];
        var assignment = new TaskAssignment(task, ++entry.LastAttempt);
        RemovePending(task);
        if (entry.Near.Contains(node))
        {
            _waitingForHoldersSince = null;
        }
        entry.Attempts.Add(assignment.Attempt);
        _running.Add(assignment, new RunningAttempt(node, now, lane));
        _byBegin.Add((now, task, assignment.Attempt));
        _runningByNode[node] = RunningOn(node) + 1;
        if (lane.Left++ == 0)
        {
            _lanesByNode[node] = LanesOn(node) + 1;
        }
        return assignment;
    }

    private bool AddPending(int task)
    {
        if (!_pending[LayerOf(task)].Add(task))
        {
            return false;
        }
        if (LayerOf(task) == MapLayer && _entries[task].Near.Length == 0)
        {
            _anywhere.Add(task);
        }
        foreach (var node in _entries[task].Near)
        {
            if (!_local.TryGetValue(node, out var queue))
            {
                _local.Add(node, queue = []);
            }
            queue.Enqueue(task);
        }
        return true;
    }

    private bool RemovePending(int task)
    {
        _anywhere.Remove(task);
        return _pending[LayerOf(task)].Remove(task);
    }

    /// <summary>The queues are not tidied when a task is taken elsewhere: what no longer waits, or is not near any more, is passed over here.</summary>
    private int? TakeNear(NodeId node)
    {
        if (_local.TryGetValue(node, out var queue))
        {
            while (queue.TryDequeue(out var task))
            {
                if (_pending[MapLayer].Contains(task) && _entries[task].Near.Contains(node))
                {
                    return task;
                }
            }
        }
        return null;
    }

    private static int? First(SortedSet<int> tasks) => tasks.Count == 0 ? null : tasks.Min;
}
