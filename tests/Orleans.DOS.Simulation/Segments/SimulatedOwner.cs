using Orleans.DOS.Segments;

namespace Orleans.DOS.Simulation.Segments;

/// <summary>Rows of one object; each change is one transaction.</summary>
public sealed class SimulatedCatalog
{
    public sealed class Row
    {
        public required int Id;
        public required List<int> Replicas;
        public long? Sealed;
    }

    private int _ids;

    public long Epoch { get; set; }
    /// <summary>In the order of their commits.</summary>
    public List<Row> Segments { get; } = [];

    public int NextId() => _ids++;
}

/// <summary>Drives the kernel's SegmentWriter and Takeover as the node does, through a network that loses, repeats and delays.</summary>
public sealed class SimulatedOwner(SimulatedWorld world, SimulatedCatalog catalog, SimulatedReplica[] disks, long epoch, PlantedFault fault, PromiseChecker checker)
{
    private const int Copies = 2;
    private readonly List<(int Value, bool Durable)> _queue = [];
    private List<(int Value, bool Durable)> _sent = [];
    private SimulatedCatalog.Row? _row;
    private SegmentWriter? _writer;
    /// <summary>As they were when the segment was opened: a later owner's takeover changes the row.</summary>
    private List<int> _replicas = [];
    /// <summary>Sealed at the replicas; the row follows with the next commit.</summary>
    private readonly List<(SimulatedCatalog.Row Row, long Length, List<int> Lost)> _unrecorded = [];
    private bool _stopped;
    private long _frozenUntil;

    /// <summary>It serves: the takeover is complete.</summary>
    public bool IsReady { get; private set; }

    /// <summary>Its process dies: it says and hears nothing more; what it sent is still under way.</summary>
    public void Stop() => _stopped = true;

    /// <summary>Its process is stopped for a while and goes on as if nothing had been.</summary>
    public void Freeze(long milliseconds) => _frozenUntil = Math.Max(_frozenUntil, world.Now + milliseconds);

    public void Begin()
    {
        if (_stopped || catalog.Epoch != epoch)
        {
            return;
        }
        if (catalog.Segments.FirstOrDefault(segment => segment.Sealed is null) is { } row)
        {
            TakeOver(row);
            return;
        }
        IsReady = true;
        checker.Owns(epoch, catalog.Segments.Where(segment => segment.Sealed > 0).SelectMany(Kept));
        Open(null);
        Tick();
    }

    /// <summary>Frames that this owner reads from a sealed segment.</summary>
    private IEnumerable<int> Kept(SimulatedCatalog.Row row)
    {
        var frames = (int)(row.Sealed!.Value / SimulatedReplica.FrameBytes);
        return row.Replicas.Select(node => disks[node].FramesOf(row.Id)).FirstOrDefault(log => log?.Count >= frames)?.Take(frames) ?? [];
    }

    public void Submit(int value, bool durable) => Awake(() =>
    {
        _queue.Add((value, durable));
        Go();
    });

    private void TakeOver(SimulatedCatalog.Row row)
    {
        var replicas = row.Replicas.ToList();
        var answers = new SealAnswer[replicas.Count];
        var left = answers.Length;
        for (var i = 0; i < answers.Length; i++)
        {
            var index = i;
            Send(replicas[i], disk => disk.Seal(row.Id, epoch, null), answer =>
            {
                answers[index] = answer is { } heard ? new(heard.Verdict, heard.State.Length, heard.State.Damaged) : default;
                if (--left == 0)
                {
                    Decide(row, replicas, answers);
                }
            });
        }
    }

    private void Decide(SimulatedCatalog.Row row, List<int> replicas, SealAnswer[] answers)
    {
        var decision = Takeover.Decide(answers);
        if (_stopped || catalog.Epoch != epoch || decision.Outcome == TakeoverOutcome.Stale)
        {
            return;
        }
        if (decision.Outcome == TakeoverOutcome.Unavailable)
        {
            world.After(200, Begin);
            return;
        }
        var length = decision.Length;
        var lost = decision.Lost.Select(index => replicas[index]).ToList();
        if (fault == PlantedFault.ShortestTaken && decision.Source >= 0)
        {
            length = answers.Where(answer => answer.Verdict == ReplicaVerdict.Done).Min(answer => answer.Length);
        }
        var left = decision.CopyTo.Count;
        if (left == 0)
        {
            Commit(() => Seal(row, length, lost), Begin);
        }
        foreach (var node in decision.CopyTo.Select(index => replicas[index]))
        {
            Send(node, disk => disk.CopyFrom(row.Id, epoch, disks[replicas[decision.Source]], length), answer =>
            {
                if (answer?.Verdict != ReplicaVerdict.Done)
                {
                    lost.Add(node);
                }
                if (--left == 0)
                {
                    Commit(() => Seal(row, length, lost), Begin);
                }
            });
        }
    }

    /// <summary>One transaction, conditional on the epoch, and its answer; the owner may die or be frozen in between.</summary>
    private void Commit(Action change, Action then)
    {
        if (_stopped)
        {
            return;
        }
        world.After(world.Random.Next(1, 15), () =>
        {
            if (catalog.Epoch == epoch || fault == PlantedFault.IgnoredEpoch)
            {
                change();
                world.After(world.Random.Next(1, 15), () => Awake(then));
            }
        });
    }

    private static void Seal(SimulatedCatalog.Row row, long length, List<int> lost)
    {
        if (row.Sealed is null)
        {
            row.Sealed = length;
            row.Replicas.RemoveAll(lost.Contains);
        }
    }

    private void Open(List<int>? avoided)
    {
        if (_stopped)
        {
            return;
        }
        var nodes = Enumerable.Range(0, disks.Length).Where(i => disks[i].IsUp && avoided?.Contains(i) != true).OrderBy(_ => world.Random.Next()).Take(Copies).ToList();
        if (nodes.Count < Copies)
        {
            world.After(100, () => Awake(() => Open(null)));
            return;
        }
        var row = new SimulatedCatalog.Row { Id = catalog.NextId(), Replicas = [.. nodes] };
        var sealing = _unrecorded.ToList();
        void Insert()
        {
            sealing.ForEach(item => Seal(item.Row, item.Length, item.Lost));
            catalog.Segments.Add(row);
        }
        if (fault == PlantedFault.WrittenBeforeCommit)
        {
            Commit(Insert, () => { });
            Create(row, nodes);
            return;
        }
        Commit(Insert, () =>
        {
            _unrecorded.Clear();
            Create(row, nodes);
        });
    }

    private void Create(SimulatedCatalog.Row row, List<int> nodes)
    {
        var left = nodes.Count;
        var failed = false;
        foreach (var node in nodes)
        {
            Send(node, disk => disk.Create(row.Id, epoch), answer =>
            {
                failed |= answer?.Verdict != ReplicaVerdict.Done;
                if (--left > 0)
                {
                    return;
                }
                if (failed)
                {
                    _unrecorded.Add((row, 0, []));
                    Open(null);
                    return;
                }
                Start(row, nodes);
            });
        }
    }

    private void Start(SimulatedCatalog.Row row, List<int> nodes)
    {
        (_row, _writer, _sent, _replicas) = (row, new SegmentWriter(nodes.Count, epoch), [], nodes);
        var effects = new List<WriterEffect>();
        _writer.Opened(world.Now, effects);
        Carry(effects);
        Go();
    }

    private void Go()
    {
        while (!_stopped && _writer is { Phase: WriterPhase.Writing } writer && _queue.Count > 0)
        {
            var next = _queue[0];
            _queue.RemoveAt(0);
            _sent.Add(next);
            var effects = new List<WriterEffect>();
            writer.Submit(SimulatedReplica.FrameBytes, next.Durable, world.Now, effects);
            Carry(effects);
        }
    }

    private void Tick() => Awake(() =>
    {
        if (!_stopped)
        {
            var effects = new List<WriterEffect>();
            _writer?.Tick(world.Now, effects);
            Carry(effects);
            Go();
            world.After(100, Tick);
        }
    });

    private void Carry(List<WriterEffect> effects)
    {
        var (row, writer, sent) = (_row!, _writer!, _sent);
        foreach (var effect in effects)
        {
            switch (effect.Kind)
            {
                case WriterEffectKind.Append:
                    var frame = sent[(int)effect.Frame];
                    Call(effect, disk => disk.Append(row.Id, epoch, effect.Offset, frame.Value, effect.Sync), frame);
                    break;
                case WriterEffectKind.Sync:
                    Call(effect, disk => disk.Sync(row.Id, epoch, effect.Offset), default);
                    break;
                case WriterEffectKind.Acknowledge when !_stopped:
                    checker.Acknowledged(epoch, sent[(int)effect.Frame].Value, sent[(int)effect.Frame].Durable);
                    break;
                case WriterEffectKind.End:
                    _stopped = true;
                    break;
                case WriterEffectKind.Seal when !_stopped:
                    Move(row, writer, sent);
                    break;
            }
        }
    }

    private void Call(WriterEffect effect, Func<SimulatedReplica, (ReplicaVerdict, ReplicaState)> call, (int Value, bool Durable) frame)
    {
        var writer = _writer!;
        Send(_replicas[effect.Replica], call, answer =>
        {
            if (_stopped)
            {
                return;
            }
            var effects = new List<WriterEffect>();
            if (answer is not { } heard)
            {
                writer.Lost(effect.Replica, effect.Kind);
                return;
            }
            if (fault == PlantedFault.EarlyAcknowledgement && effect.Kind == WriterEffectKind.Append && heard.Verdict == ReplicaVerdict.Done)
            {
                checker.Acknowledged(epoch, frame.Value, frame.Durable);
            }
            writer.Answered(effect.Replica, effect.Kind, heard.Verdict, heard.State, world.Now, effects);
            if (writer == _writer)
            {
                Carry(effects);
                Go();
            }
        });
    }

    private void Move(SimulatedCatalog.Row row, SegmentWriter writer, List<(int, bool)> sent)
    {
        var replicas = _replicas;
        var length = writer.AcknowledgedLength;
        var lost = Enumerable.Range(0, replicas.Count).Where(writer.IsFailed).Select(index => replicas[index]).ToList();
        _queue.InsertRange(0, sent.Skip((int)writer.FramesAcknowledged));
        var asked = replicas.Except(lost).ToList();
        var left = asked.Count;
        foreach (var node in asked)
        {
            Send(node, disk => disk.Seal(row.Id, epoch, length), answer =>
            {
                if (answer?.Verdict != ReplicaVerdict.Done)
                {
                    lost.Add(node);
                }
                if (--left == 0 && lost.Count < replicas.Count)
                {
                    _unrecorded.Add((row, length, lost));
                    Open(lost);
                }
            });
        }
    }

    /// <summary>Now, or when it is no longer frozen.</summary>
    private void Awake(Action act)
    {
        if (world.Now < _frozenUntil)
        {
            world.After(_frozenUntil - world.Now, () => Awake(act));
        }
        else
        {
            act();
        }
    }

    /// <summary>One call: it may be lost on the way or back, come late, or come twice (the second time much later).</summary>
    private void Send(int node, Func<SimulatedReplica, (ReplicaVerdict Verdict, ReplicaState State)> call, Action<(ReplicaVerdict Verdict, ReplicaState State)?> reply)
    {
        var there = world.Chance(2) ? world.Random.Next(200, 3000) : world.Random.Next(1, 20);
        var answered = false;
        void Answer((ReplicaVerdict, ReplicaState)? answer) => Awake(() =>
        {
            if (!answered)
            {
                answered = true;
                reply(answer);
            }
        });
        if (world.Chance(3))
        {
            Arrive(node, there + (world.Chance(50) ? 1 : world.Random.Next(1, 4000)), disk => call(disk));
        }
        if (!world.Chance(3))
        {
            Arrive(node, there, disk =>
            {
                var result = call(disk);
                if (!world.Chance(3))
                {
                    world.After(world.Random.Next(1, 20), () => Answer(result));
                }
            });
        }
        world.After(300, () => Answer(null));
    }

    /// <summary>A message at a disk that is down is gone; at a frozen one it waits.</summary>
    private void Arrive(int node, long after, Action<SimulatedReplica> act) => world.After(after, () =>
    {
        var disk = disks[node];
        if (disk.IsUp && world.Now < disk.FrozenUntil)
        {
            Arrive(node, disk.FrozenUntil - world.Now, act);
        }
        else if (disk.IsUp)
        {
            act(disk);
        }
    });
}
