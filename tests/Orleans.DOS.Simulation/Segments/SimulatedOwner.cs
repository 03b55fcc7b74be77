using Orleans.DOS.Segments;

namespace Orleans.DOS.Simulation.Segments;

/// <summary>Drives the kernel's SegmentWriter and Takeover as the node does.</summary>
public sealed partial class SimulatedOwner(
    SimulatedWorld world, SimulatedCatalog catalog, SimulatedNetwork network, SimulatedReplica[] disks, int home, long epoch, PlantedFault fault, PromiseChecker checker)
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

    public void Submit(int value, bool durable) => Awake(() =>
    {
        _queue.Add((value, durable));
        Go();
    });

    /// <summary>One transaction, conditional on the epoch, and its answer, which may be lost; tried again while the catalog is away.</summary>
    private void Commit(Action change, Action then, Action? unknown = null)
    {
        if (_stopped)
        {
            return;
        }
        world.After(world.Random.Next(1, 15), () =>
        {
            if (world.Now < catalog.AwayUntil && !world.Healed)
            {
                world.After(200, () => Awake(() => Commit(change, then, unknown)));
            }
            else if (catalog.Epoch == epoch || fault == PlantedFault.IgnoredEpoch)
            {
                change();
                var answer = unknown is not null && world.Chance(3) ? unknown : then;
                world.After(world.Random.Next(1, 15), () => Awake(answer));
            }
        });
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
        var opened = nodes.ToDictionary(node => node, node => disks[node].Disk);
        var row = new SimulatedCatalog.Row { Id = catalog.NextId(), Replicas = new(opened), Opened = opened };
        var sealing = _unrecorded.ToList();
        // A disk that was wiped since is not named: what it does not have would keep the segment Unavailable.
        bool IsPresent() => opened.All(replica => disks[replica.Key].Disk == replica.Value);
        void Insert()
        {
            if (!IsPresent())
            {
                return;
            }
            sealing.ForEach(item => SimulatedCatalog.Seal(item.Row, item.Length, item.Lost, world.Now));
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
            if (!catalog.Segments.Contains(row))
            {
                Open(null);
                return;
            }
            _unrecorded.Clear();
            Create(row, nodes);
        }, unknown: () =>
        {
            _unrecorded.Add((row, 0, []));
            Open(null);
        });
    }

    private void Create(SimulatedCatalog.Row row, List<int> nodes)
    {
        var left = nodes.Count;
        var failed = false;
        foreach (var node in nodes)
        {
            Send(row, node, disk => disk.Create(row.Id, epoch), answer =>
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
        Send(_row!, _replicas[effect.Replica], call, answer =>
        {
            if (_stopped)
            {
                return;
            }
            if (answer is not { } heard)
            {
                writer.Lost(effect.Replica, effect.Kind);
                return;
            }
            if (fault == PlantedFault.EarlyAcknowledgement && effect.Kind == WriterEffectKind.Append && heard.Verdict == ReplicaVerdict.Done)
            {
                checker.Acknowledged(epoch, frame.Value, frame.Durable);
            }
            if (fault == PlantedFault.RefusalTakenForDone && (heard.Verdict == ReplicaVerdict.RefusedEpoch || heard.State.Epoch > epoch))
            {
                heard = (ReplicaVerdict.Done, new ReplicaState(epoch, writer.Length, writer.Length, false, false));
            }
            var effects = new List<WriterEffect>();
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
            Send(row, node, disk => disk.Seal(row.Id, epoch, length), answer =>
            {
                if (answer is not { Verdict: ReplicaVerdict.Done, State.Rotten: false })
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

    private void Send(
        SimulatedCatalog.Row row, int node, Func<SimulatedReplica, (ReplicaVerdict Verdict, ReplicaState State)> call, Action<(ReplicaVerdict Verdict, ReplicaState State)?> reply) =>
        network.Send(home, node, row.Opened[node], call, Awake, reply);

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
}
