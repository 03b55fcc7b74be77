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

    public long Epoch { get; set; }
    public List<Row> Segments { get; } = [];
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
    private bool _stopped;

    /// <summary>It serves: the takeover is complete.</summary>
    public bool IsReady { get; private set; }

    public void Stop() => _stopped = true;

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

    public void Submit(int value, bool durable)
    {
        _queue.Add((value, durable));
        Go();
    }

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
                    Decide(row, replicas, Takeover.Decide(answers));
                }
            });
        }
    }

    private void Decide(SimulatedCatalog.Row row, List<int> replicas, TakeoverDecision decision)
    {
        if (_stopped || catalog.Epoch != epoch || decision.Outcome == TakeoverOutcome.Stale)
        {
            return;
        }
        if (decision.Outcome == TakeoverOutcome.Unavailable)
        {
            world.After(200, Begin);
            return;
        }
        var lost = decision.Lost.Concat(decision.CopyTo.Where(index =>
            !disks[replicas[index]].CopyFrom(row.Id, epoch, disks[replicas[decision.Source]], decision.Length))).Select(index => replicas[index]).ToList();
        row.Sealed = decision.Length;
        row.Replicas.RemoveAll(lost.Contains);
        Begin();
    }

    private void Open(List<int>? avoided)
    {
        if (_stopped || (catalog.Epoch != epoch && fault != PlantedFault.IgnoredEpoch))
        {
            return;
        }
        var nodes = Enumerable.Range(0, disks.Length).Where(i => disks[i].IsUp && avoided?.Contains(i) != true).OrderBy(_ => world.Random.Next()).Take(Copies).ToList();
        if (nodes.Count < Copies)
        {
            world.After(100, () => Open(null));
            return;
        }
        var row = new SimulatedCatalog.Row { Id = catalog.Segments.Count, Replicas = [.. nodes] };
        catalog.Segments.Add(row);
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
                    Record(row, 0, []);
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

    private void Record(SimulatedCatalog.Row row, long length, List<int> lost)
    {
        if (row.Sealed is null && (catalog.Epoch == epoch || fault == PlantedFault.IgnoredEpoch))
        {
            row.Sealed = length;
            row.Replicas.RemoveAll(lost.Contains);
        }
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

    private void Tick()
    {
        if (!_stopped)
        {
            var effects = new List<WriterEffect>();
            _writer?.Tick(world.Now, effects);
            Carry(effects);
            Go();
            world.After(100, Tick);
        }
    }

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
                    Record(row, length, lost);
                    Open(lost);
                }
            });
        }
    }

    /// <summary>One call: it may be lost on the way or back, come late, or come twice.</summary>
    private void Send(int node, Func<SimulatedReplica, (ReplicaVerdict Verdict, ReplicaState State)> call, Action<(ReplicaVerdict Verdict, ReplicaState State)?> reply)
    {
        var there = world.Chance(2) ? world.Random.Next(200, 3000) : world.Random.Next(1, 20);
        var answered = false;
        void Answer((ReplicaVerdict, ReplicaState)? answer)
        {
            if (!answered)
            {
                answered = true;
                reply(answer);
            }
        }
        if (world.Chance(3))
        {
            world.After(there + 1, () => { if (disks[node].IsUp) { call(disks[node]); } });
        }
        if (!world.Chance(3))
        {
            world.After(there, () =>
            {
                if (disks[node].IsUp)
                {
                    var result = call(disks[node]);
                    if (!world.Chance(3))
                    {
                        world.After(world.Random.Next(1, 20), () => Answer(result));
                    }
                }
            });
        }
        world.After(300, () => Answer(null));
    }
}
