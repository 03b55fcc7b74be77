using Orleans.DOS.Nodes;
using Orleans.DOS.Simulation.Segments;

namespace Orleans.DOS.Simulation.Nodes;

/// <summary>
/// One start of a node: keeps its lease and fence by the kernel's code as the node's LeaseKeeper does, and takes the one object as
/// Ownership does. Its clock runs up to 500 millionths fast or slow.
/// </summary>
public sealed class SimulatedNode(SimulatedWorld world, LeaseSimulation run, SimulatedMembership catalog, NodeStart start, LeaseFault fault)
{
    private const int PeriodMs = 200, PatienceMs = 1500, OverdueMs = 800;
    private readonly double _speed = 1 + (world.Random.Next(-500, 501) / 1e6);
    private NodeLease _lease = NodeLease.None;
    private NodeFence _fence = NodeFence.Empty;
    private readonly Dictionary<NodeStart, long> _asked = [];
    private long _rowReadMs;
    private long _epoch;
    private long _refused;
    private bool _taking;

    public NodeStart Start => start;
    public bool IsRunning { get; private set; } = true;
    public long FrozenUntil { get; set; }

    private long NowMs => (long)(world.Now * _speed);

    /// <summary>What it owns in memory; 0: nothing.</summary>
    public long ServedEpoch => _epoch;

    public void Kill() => IsRunning = false;

    public void Begin()
    {
        Later(world.Random.Next(1, 300), () =>
        {
            run.AskCatalog(this, Join, _ => { });
            Tick();
            // What joins is called at once.
            Later(world.Random.Next(100, 600), Take);
        });
    }

    private bool Join()
    {
        catalog.Set(start, isActive: true, isDead: false);
        return true;
    }

    private void Tick()
    {
        ReadRow();
        AskOthers();
        Later(world.Random.Next(PeriodMs / 2, PeriodMs), Tick);
    }

    private void ReadRow()
    {
        var sentMs = NowMs;
        run.AskCatalog(this, catalog.Read, reading =>
        {
            if (NowMs - sentMs >= PatienceMs)
            {
                return;
            }
            var countedMs = fault == LeaseFault.LeaseFromLateAnswer ? NowMs : sentMs;
            var own = reading.Members.Where(member => member.Start == start).Cast<Member?>().FirstOrDefault();
            _lease = _lease.RowRead(countedMs, own is { IsActive: true }, own is { IsDead: true }).See(reading.Version);
            if (own is not { IsActive: true })
            {
                return;
            }
            _rowReadMs = Math.Max(_rowReadMs, sentMs);
            _fence = _fence.See(Bent(reading), sentMs, NowMs);
            Confirm(reading);
        });
    }

    private void Confirm(MembershipReading reading)
    {
        var others = reading.Members.Where(member => member.IsActive && member.Start != start).Select(member => member.Start).ToHashSet();
        run.AskCatalog(this, () => catalog.Confirm(start, reading.Version, [.. others]), confirmed =>
        {
            if (confirmed)
            {
                _lease = _lease.Confirmed(reading.Version, others);
            }
        });
    }

    /// <summary>The reading as a planted fault sees it.</summary>
    private MembershipReading Bent(MembershipReading reading)
    {
        if (fault == LeaseFault.LastViewIgnored)
        {
            return reading with { Confirmations = [.. reading.Confirmations.Where(view => catalog.IsActive(view.By))] };
        }
        if (fault != LeaseFault.FenceOneConfirmationEarly)
        {
            return reading;
        }
        var behind = reading.Members.Where(member => member.IsActive && !reading.Confirmations.Any(view => view.By == member.Start && view.Version >= reading.Version)).ToList();
        return behind.Count != 1 ? reading : reading with
        {
            Confirmations = [.. reading.Confirmations.Where(view => view.By != behind[0].Start), new ViewConfirmation(behind[0].Start, reading.Version, [])],
        };
    }

    private void AskOthers()
    {
        var sentMs = NowMs;
        if (sentMs - _rowReadMs < OverdueMs || _lease.Round is not { } round)
        {
            return;
        }
        var left = round.Others.Count;
        void Answered()
        {
            if (left == 0 && NowMs - sentMs < PatienceMs)
            {
                _lease = _lease.RoundAnswered(fault == LeaseFault.LeaseFromLateAnswer ? NowMs : sentMs, round.Version);
            }
        }
        Answered();
        foreach (var other in round.Others)
        {
            run.AskNode(this, other, node => node._lease.IsUnchanged(round.Version), unchanged =>
            {
                left -= unchanged ? 1 : 0;
                Answered();
            });
        }
    }

    /// <summary>Somebody calls here: the object must be owned.</summary>
    public void Take()
    {
        if (_taking || !_lease.IsHeld(NowMs))
        {
            return;
        }
        _taking = true;
        run.AskCatalog(this, () => catalog.Take(start), taken => Await(taken, [.. taken.Earlier], NowMs + 3500));
        Later(4000, () => _taking = false);
    }

    private void Await(OwnerRecord taken, List<EarlierOwner> earlier, long untilMs)
    {
        earlier.RemoveAll(owner => IsFenced(owner.Start));
        if (earlier.Count == 0)
        {
            _epoch = Math.Max(_epoch, taken.Epoch);
            run.Serves(taken.Epoch);
            run.AskCatalog(this, () => { catalog.Clear(taken.Epoch); return true; }, _ => { });
            return;
        }
        if (NowMs > untilMs)
        {
            return;
        }
        foreach (var owner in earlier.ToList())
        {
            run.AskNode(this, owner.Start, node => node.Drop(taken.Epoch), dropped =>
            {
                if (dropped)
                {
                    earlier.Remove(owner);
                }
            });
        }
        Later(200, () => Await(taken, earlier, untilMs));
    }

    private bool IsFenced(NodeStart other)
    {
        _asked.TryAdd(other, NowMs);
        return _fence.IsFenced(other, _asked[other], NowMs);
    }

    private bool Drop(long belowEpoch)
    {
        _epoch = _epoch < belowEpoch ? 0 : _epoch;
        _refused = Math.Max(_refused, belowEpoch);
        return true;
    }

    /// <summary>Somebody reads from what is owned in memory.</summary>
    public void Answer()
    {
        if (_epoch > 0 && _epoch >= _refused && (fault == LeaseFault.LeaseIgnored || _lease.IsHeld(NowMs)))
        {
            run.Answered(start, _epoch);
        }
    }

    /// <summary>Now, or when it is no longer frozen; never once it is dead.</summary>
    public void Awake(Action act)
    {
        if (IsRunning && world.Now < FrozenUntil)
        {
            world.After(FrozenUntil - world.Now, () => Awake(act));
        }
        else if (IsRunning)
        {
            act();
        }
    }

    private void Later(long milliseconds, Action act) => world.After(milliseconds, () => Awake(act));
}
