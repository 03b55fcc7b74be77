using Orleans.DOS.Nodes;
using Orleans.DOS.Simulation.Segments;

namespace Orleans.DOS.Simulation.Nodes;

/// <summary>
/// One run from one seed: nodes join, crash, freeze, are cut off from each other (also one way) and from the catalog, which is away at
/// times; anybody who reaches it declares whomever he likes dead; all take the one object from each other. The promise: once an owner
/// serves, no owner before it answers.
/// </summary>
public sealed class LeaseSimulation
{
    private const int Slots = 4;
    private const long EndMs = 150_000;
    private readonly SimulatedWorld _world;
    private readonly SimulatedMembership _catalog = new();
    private readonly LeaseFault _fault;
    private readonly SimulatedNode?[] _nodes = new SimulatedNode?[Slots];
    private readonly List<SimulatedNode> _all = [];
    /// <summary>From, to; to is <see cref="Slots"/> for the catalog. Nothing passes until then.</summary>
    private readonly long[,] _cutUntil = new long[Slots, Slots + 1];
    /// <summary>The catalog takes its time until then.</summary>
    private long _slowUntil;
    private long _serving;
    private string? _violation;

    private LeaseSimulation(int seed, LeaseFault fault) => (_world, _fault) = (new SimulatedWorld(seed), fault);

    /// <summary>Owners that began to serve; a run in which none does shows nothing.</summary>
    public long Served { get; private set; }

    /// <returns>What promise was broken, null when none was; and how many owners served.</returns>
    public static (string? Violation, long Served) Run(int seed, LeaseFault fault = LeaseFault.None)
    {
        var run = new LeaseSimulation(seed, fault);
        run.Play();
        return (run._violation, run.Served);
    }

    public void Serves(long epoch)
    {
        Served++;
        _serving = Math.Max(_serving, epoch);
    }

    public void Answered(NodeStart by, long epoch)
    {
        if (epoch < _serving)
        {
            _violation ??= $"at {_world.Now} ms {by.Node} {by.Incarnation} answered under epoch {epoch}, while epoch {_serving} serves";
        }
    }

    public void AskCatalog<T>(SimulatedNode from, Func<T> transaction, Action<T> reply)
    {
        _world.After(Delay(), () =>
        {
            if (IsCut(Slot(from.Start), Slots) || _world.Now < _catalog.AwayUntil || _world.Chance(2))
            {
                return;
            }
            var answer = transaction();
            _world.After(_world.Now < _slowUntil ? _world.Random.Next(300, 1_500) : Delay(), () => from.Awake(() => reply(answer)));
        });
    }

    public void AskNode<T>(SimulatedNode from, NodeStart to, Func<SimulatedNode, T> call, Action<T> reply)
    {
        _world.After(Delay(), () =>
        {
            // Connections are to one start of a node: the next one answers nothing for it.
            if (IsCut(Slot(from.Start), Slot(to)) || _world.Chance(2) || _all.Find(node => node.Start == to) is not { IsRunning: true } callee)
            {
                return;
            }
            callee.Awake(() =>
            {
                var answer = call(callee);
                if (!IsCut(Slot(to), Slot(from.Start)))
                {
                    _world.After(Delay(), () => from.Awake(() => reply(answer)));
                }
            });
        });
    }

    private void Play()
    {
        var random = _world.Random;
        Start(0);
        Start(1);
        Every(5_000, 40_000, () => Start(random.Next(Slots)));
        Every(100, 1_500, () => Any()?.Take());
        Every(5, 40, () =>
        {
            foreach (var node in _all)
            {
                node.Awake(node.Answer);
            }
        });
        Every(3_000, 30_000, () => Any()?.Kill());
        Every(2_000, 20_000, () =>
        {
            if (Any() is { } node)
            {
                node.FrozenUntil = _world.Now + random.Next(100, 9_000);
            }
        });
        Every(2_000, 15_000, Cut);
        Every(4_000, 20_000, () => _slowUntil = _world.Now + random.Next(1_000, 6_000));
        Every(1_000, 12_000, Accuse);
        Every(20_000, 90_000, () => _catalog.AwayUntil = _world.Now + random.Next(500, 80_000));
        _world.RunUntil(EndMs);
    }

    /// <summary>A part of the nodes, or of their ways, some of them one way only, and often the way to the catalog too.</summary>
    private void Cut()
    {
        var random = _world.Random;
        var until = _world.Now + random.Next(300, 80_000);
        var side = random.Next(1, 1 << Slots);
        var oneWay = random.Next(3) == 0;
        var catalogToo = random.Next(3) > 0;
        for (var from = 0; from < Slots; from++)
        {
            for (var to = 0; to < Slots; to++)
            {
                var crosses = (side >> from & 1) == 1 && (side >> to & 1) == 0;
                if (crosses || (!oneWay && (side >> to & 1) == 1 && (side >> from & 1) == 0))
                {
                    _cutUntil[from, to] = until;
                }
            }
            if (catalogToo && (side >> from & 1) == 1)
            {
                _cutUntil[from, Slots] = until;
            }
        }
        if (random.Next(2) == 0)
        {
            _world.After(random.Next(1, 600), Accuse);
        }
    }

    /// <summary>Membership is not believed to be right: whoever reaches the catalog may declare anybody dead, also one who is well.</summary>
    private void Accuse()
    {
        var accuser = Any();
        var accused = _all.Where(node => _catalog.IsActive(node.Start)).OrderBy(_ => _world.Random.Next()).FirstOrDefault();
        if (accuser is null || accused is null || accuser == accused || (IsWell(accused) && _world.Random.Next(4) > 0))
        {
            return;
        }
        AskCatalog(accuser, () =>
        {
            if (_catalog.IsActive(accuser.Start))
            {
                _catalog.Set(accused.Start, isActive: false, isDead: true);
            }
            return true;
        }, _ => { });
    }

    private bool IsWell(SimulatedNode node) => node.IsRunning && node.FrozenUntil <= _world.Now && !IsCut(Slot(node.Start), Slots);

    /// <summary>A start of a node begins only where the one before has ended: the directory's lock sees to it.</summary>
    private void Start(int slot)
    {
        if (_nodes[slot] is { IsRunning: true })
        {
            return;
        }
        var node = new SimulatedNode(_world, this, _catalog, new NodeStart(new NodeId($"n-{slot}"), _all.Count + 1), _fault);
        _nodes[slot] = node;
        _all.Add(node);
        node.Begin();
    }

    private SimulatedNode? Any() => _nodes[_world.Random.Next(Slots)] is { IsRunning: true } node ? node : null;

    private void Every(int least, int most, Action act)
    {
        _world.After(_world.Random.Next(least, most), () =>
        {
            act();
            Every(least, most, act);
        });
    }

    private long Delay() => _world.Chance(3) ? _world.Random.Next(100, 3_000) : _world.Random.Next(1, 15);

    private bool IsCut(int from, int to) => _world.Now < _cutUntil[from, to];

    private static int Slot(NodeStart start) => start.Node.Value[^1] - '0';
}
