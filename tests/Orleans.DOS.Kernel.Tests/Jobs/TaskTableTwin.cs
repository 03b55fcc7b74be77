using Xunit;

namespace Orleans.DOS.Jobs;

/// <summary>A cluster drawn from a seed that runs one <see cref="TaskTable"/> to its end, and a naive account of what counted.</summary>
internal sealed class TaskTableTwin
{
    private readonly int _seed;
    private readonly Random _random;
    private readonly NodeId[] _nodes;
    private readonly HashSet<NodeId> _alive;
    private readonly int _maps;
    private readonly int _reduces;
    private readonly bool _hasSample;
    private readonly List<(TaskAssignment Assignment, NodeId Node)> _begun = [];
    private readonly Dictionary<int, (int Attempt, NodeId[] Copies)> _counted = [];
    private DateTimeOffset _now = DateTimeOffset.UnixEpoch;
    private TaskTable _table;

    public TaskTableTwin(int seed, NodeId[] nodes)
    {
        (_seed, _random, _nodes, _alive) = (seed, new Random(seed), nodes, [.. nodes]);
        (_maps, _reduces, _hasSample) = (_random.Next(0, 8), _random.Next(0, 4), _random.Next(3) == 0);
        _table = NewTable();
    }

    public void Run()
    {
        var steps = 0;
        while (!_table.IsComplete)
        {
            Assert.True(++steps < 20_000, $"seed {_seed}: does not end");
            Assert.True(_table.Failure is null, $"seed {_seed}: {_table.Failure}");
            // Chance calms down, as in life; otherwise nothing would have to end.
            var act = steps < 200 ? _random.Next(14) : _random.Next(8);
            switch (act)
            {
                case < 4: Begin(); break;
                case < 8: Report(); break;
                case 8: LoseNode(); break;
                case 9: _alive.Add(_nodes[_random.Next(_nodes.Length)]); break;
                case 10: Fail(); break;
                case 11: Postpone(); break;
                case 12: Refuse(); break;
                default: Resume(); break;
            }
            _table.Wake(_now += TimeSpan.FromMilliseconds(100));
            Check();
        }
        Assert.Equal(_table.Count, _counted.Count);
        for (var task = 0; task < _table.Count; task++)
        {
            Assert.Equal(_counted[task].Attempt, _table.DoneAttempt(task));
        }
    }

    private void Begin()
    {
        var node = _alive.Count == 0 ? _nodes[0] : _alive.ElementAt(_random.Next(_alive.Count));
        _alive.Add(node);
        var lanes = _table.LanesOn(node);
        var taken = _table.Take(node, _random.Next(1, 4), _now);
        Assert.Equal(lanes + (taken.Count > 0 ? 1 : 0), _table.LanesOn(node));
        foreach (var assignment in taken)
        {
            Assert.DoesNotContain(_begun, begun => begun.Assignment == assignment);
            Assert.False(_counted.ContainsKey(assignment.Task), $"seed {_seed}: a counted task begins again");
            if (_table.KindOf(assignment.Task) == TaskLayer.Reduce)
            {
                Assert.All(Enumerable.Range(0, _maps), map => Assert.True(_counted.ContainsKey(map)));
            }
            _begun.Add((assignment, node));
        }
    }

    /// <summary>Any attempt ever begun reports success: in time, late or again.</summary>
    private void Report()
    {
        if (_begun.Count == 0)
        {
            return;
        }
        var (assignment, node) = _begun[_random.Next(_begun.Count)];
        NodeId[] copies = _random.Next(3) == 0 ? [] : [node];
        if (copies.Length > 0 && !_alive.Contains(node))
        {
            return;
        }
        var counts = _table.Succeed(assignment.Task, assignment.Attempt, copies.Length == 0 ? [] : [copies], _now);
        Assert.Equal(!_counted.ContainsKey(assignment.Task), counts);
        if (counts)
        {
            _counted.Add(assignment.Task, (assignment.Attempt, copies));
        }
        Assert.False(_table.Succeed(assignment.Task, assignment.Attempt, [], _now));
    }

    private void Fail()
    {
        if (_begun.Count > 0)
        {
            var (assignment, _) = _begun[_random.Next(_begun.Count)];
            _table.Fail(assignment.Task, assignment.Attempt, "planned");
        }
    }

    private void Postpone()
    {
        if (_begun.Count > 0)
        {
            var (assignment, _) = _begun[_random.Next(_begun.Count)];
            _table.Postpone(assignment.Task, assignment.Attempt, "away", _now);
        }
    }

    /// <summary>A node takes a task and refuses it at once: nobody ever reports that attempt.</summary>
    private void Refuse()
    {
        foreach (var assignment in _table.Take(_nodes[0], 1, _now))
        {
            _table.Withdraw(assignment.Task, assignment.Attempt, isCertain: true);
        }
    }

    private void LoseNode()
    {
        if (_alive.Count < 2)
        {
            return;
        }
        var node = _alive.ElementAt(_random.Next(_alive.Count));
        _alive.Remove(node);
        _table.LoseNode(node, _alive);
        ForgetLost();
    }

    /// <summary>The coordinator dies; the next one has the journal and nothing else, and its attempts are new ones.</summary>
    private void Resume()
    {
        _table = NewTable();
        _begun.Clear();
        foreach (var (task, (attempt, copies)) in _counted)
        {
            _table.Restore(task, attempt, copies.Length == 0 ? [] : [copies]);
        }
        _table.LoseOutputs(_alive);
        ForgetLost();
    }

    private void ForgetLost()
    {
        var reduced = _counted.Keys.Count(task => task >= _maps && task < _maps + _reduces);
        if (_reduces == 0 || reduced == _reduces)
        {
            return;
        }
        foreach (var (task, (_, copies)) in _counted.Where(pair => pair.Key < _maps).ToArray())
        {
            if (copies.Length > 0 && !copies.Any(_alive.Contains))
            {
                _counted.Remove(task);
            }
        }
    }

    private void Check()
    {
        Assert.Equal(_counted.Count, _table.Done);
        Assert.Equal(_table.Running, _table.RunningByNode.Values.Sum());
        Assert.True(_table.Running >= _nodes.Sum(_table.LanesOn), $"seed {_seed}: a slot is taken by nothing");
        Assert.All(_nodes, node => Assert.Equal(_table.RunningOn(node) > 0, _table.LanesOn(node) > 0));
        for (var task = 0; task < _table.Count; task++)
        {
            Assert.Equal(_counted.ContainsKey(task), _table.IsDone(task));
        }
    }

    private TaskTable NewTable() => new(_maps, _reduces, _hasSample, attemptsMax: 1000);
}
