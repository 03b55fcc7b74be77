using Microsoft.Extensions.Hosting;
using Microsoft.Extensions.DependencyInjection;
using Microsoft.Extensions.Logging;
using Microsoft.Extensions.Time.Testing;
using Orleans.DOS.Catalog;
using Orleans.DOS.Clock;
using Orleans.DOS.Nodes;
using Orleans.DOS.Segments;
using Orleans.Runtime;

namespace Orleans.DOS.Grains.Tests.Segments;

/// <summary>
/// Several nodes' segments in this process: real stores, real services, the real catalog; between them a network that a test bends,
/// and a clock that only the test moves. Time passes only while nothing real is under way, so that a slow disk of the host that
/// runs the tests is never taken for a silent node.
/// </summary>
internal sealed class SegmentRig : IAsyncDisposable
{
    private static readonly TimeSpan Patience = TimeSpan.FromSeconds(60);
    private static readonly TimeSpan RealWorkMax = TimeSpan.FromMilliseconds(400);
    private static readonly TimeSpan Step = TimeSpan.FromMilliseconds(50);
    private static readonly TimeSpan LongTime = TimeSpan.FromSeconds(25), LongStep = TimeSpan.FromSeconds(1);
    private readonly TestDatabase _database;
    private readonly IOpenCatalog _catalog;
    private static readonly Lazy<Silo> AnySilo = new(MakeSilo);
    private int _working, _asking;

    private SegmentRig(TestDatabase database, IOpenCatalog catalog, int nodes)
    {
        (_database, _catalog) = (database, catalog);
        Network = new RigNetwork(this);
        Nodes = [.. Enumerable.Range(1, nodes).Select(number => new RigNode(this, $"n-{number}"))];
    }

    public static async Task<SegmentRig> StartAsync(TestDatabase database, int nodes = 3)
    {
        var catalog = await CatalogFactory.OpenAsync(database.Settings with { DeclaredNodes = nodes });
        var rig = new SegmentRig(database, catalog, nodes);
        foreach (var node in rig.Nodes)
        {
            await rig.RegisterAsync(node);
        }
        return rig;
    }

    /// <summary>The services only need to be told of some silo; this one never starts.</summary>
    public static Silo Silo => AnySilo.Value;
    public FakeTimeProvider Time { get; } = new(new DateTimeOffset(2026, 11, 23, 0, 0, 0, TimeSpan.Zero));
    public RigNetwork Network { get; }
    public IReadOnlyList<RigNode> Nodes { get; }

    /// <summary>The catalog without any rule in between.</summary>
    public ICatalog Rows => _catalog;

    public RigNode this[NodeId id] => Nodes.Single(node => node.Self == id);

    public async ValueTask DisposeAsync()
    {
        await QuietAsync();
        foreach (var node in Nodes)
        {
            node.Dispose();
        }
        await _catalog.DisposeAsync();
        await _database.DisposeAsync();
    }

    /// <summary>As a node does when it starts.</summary>
    public Task RegisterAsync(RigNode node) => Rows.WriteAsync(session => session.ExecuteAsync(
        "INSERT INTO dos_nodes(node_id, disk_id, incarnation, labels, release, started_at) VALUES (@id, @disk, 1, '{}', '0', 0) "
        + "ON CONFLICT (node_id) DO UPDATE SET disk_id = excluded.disk_id", new { id = node.Self.Value, disk = node.Store.Id.Value }));

    /// <summary>A new owner: raises the object's epoch.</summary>
    public Task<long> OwnAsync(ObjectId target) => Rows.WriteAsync(async session => (await session.QueryFirstAsync<long?>(
        "INSERT INTO dos_owners(object, epoch, node_id, incarnation, predecessors) VALUES (@target, 1, 'n-1', 1, '[]') "
        + "ON CONFLICT (object) DO UPDATE SET epoch = dos_owners.epoch + 1 RETURNING epoch", new { target = target.ToString() }))!.Value);

    public Task<IReadOnlyList<SegmentRow>> SegmentsAsync(ObjectId target) => Rows.ReadAsync(session => SegmentRows.OfObjectAsync(session, target));

    /// <summary>Nodes whose replica of the segment the catalog calls good.</summary>
    public async Task<IReadOnlyList<RigNode>> GoodAsync(long segment) =>
        [.. (await Rows.ReadAsync(session => SegmentRows.ReplicasAsync(session, segment))).Where(row => row.State == ReplicaRow.Good).Select(row => this[new NodeId(row.NodeId)])];

    public async Task<long> BelowTargetAsync() => (await SumsAsync()).Bytes;

    public Task<BelowTarget> SumsAsync() => Rows.ReadAsync(session => ClusterSums.BelowTargetAsync(session, Nodes[0].Active));

    /// <summary>Counts as under way until disposed of.</summary>
    public IDisposable Work()
    {
        Interlocked.Increment(ref _working);
        return new Working(this);
    }

    /// <summary>Counts as a question to the catalog until disposed of.</summary>
    public IDisposable Ask()
    {
        Interlocked.Increment(ref _asking);
        return new Asking(this);
    }

    /// <summary>Lets time pass; a long time, in which nothing is expected to happen, by longer steps.</summary>
    public async Task PassAsync(TimeSpan time)
    {
        var step = time < LongTime ? Step : LongStep;
        for (var passed = TimeSpan.Zero; passed < time; passed += step)
        {
            await QuietAsync();
            Time.Advance(step);
        }
        await QuietAsync();
    }

    /// <summary>Lets time pass until the task ends, and gives what it gives.</summary>
    public async Task<T> PassAsync<T>(Task<T> task)
    {
        await PassUntilAsync(() => task.IsCompleted);
        return await task;
    }

    public async Task PassAsync(Task task)
    {
        await PassUntilAsync(() => task.IsCompleted);
        await task;
    }

    public async Task PassUntilAsync(Func<bool> holds)
    {
        var start = Time.GetTimestamp();
        while (!holds())
        {
            Assert.True(Time.GetElapsedTime(start) < Patience, "it did not come to pass");
            await QuietAsync();
            if (!holds())
            {
                Time.Advance(Step);
            }
        }
    }

    /// <summary>Waits, without time passing, until it holds.</summary>
    public static async Task UntilAsync(Func<bool> holds)
    {
        var start = TimeProvider.System.GetTimestamp();
        using var timer = new PeriodicTimer(TimeSpan.FromMilliseconds(2));
        while (!holds())
        {
            Assert.True(TimeProvider.System.GetElapsedTime(start) < Patience && await timer.WaitForNextTickAsync(), "it did not come to pass");
        }
    }

    /// <summary>
    /// Nothing real is under way. Asked several times, since one thing's end begins the next; and what takes longer than any disk
    /// waits for the clock itself (a frame for those that it overtook). The catalog waits for no clock, and for the host's disk as long as that takes.
    /// </summary>
    public async Task QuietAsync()
    {
        var (quiet, start) = (0, TimeProvider.System.GetTimestamp());
        await UntilAsync(() =>
        {
            var isAsking = Volatile.Read(ref _asking) > 0;
            quiet = isAsking || Volatile.Read(ref _working) > 0 ? 0 : quiet + 1;
            return quiet >= 3 || (!isAsking && TimeProvider.System.GetElapsedTime(start) > RealWorkMax);
        });
    }

    /// <summary>The n-th thing that the node asks of catalog or network (from 1) ends its process, before or after it is done; nothing it asks then is heard.</summary>
    /// <returns>Steps taken so far.</returns>
    public (IDisposable Rule, Func<int> Steps) CrashAt(RigNode node, int step, bool after)
    {
        var taken = 0;
        async Task PassOn(string name, Func<Task> run)
        {
            var now = Interlocked.Increment(ref taken);
            if (now < step || (now == step && after))
            {
                await run();
            }
            if (now >= step)
            {
                throw new RigCrash($"step {now}, {name}");
            }
        }
        node.Catalog.Bend = PassOn;
        var bend = Network.Bend((call, delivery) => call.From == node.Self ? PassOn(call.Name, delivery.RunAsync) : null);
        return (new Uncrash(node, bend), () => taken);
    }

    /// <summary>A frame's fields: the number is told by position and request.</summary>
    public static FrameFields Fields(int number) => new(FrameKind.Data, number, number + 1, HybridTime.From(1, 0), new RequestId(5, number), number);

    public static byte[] Payload(int number, int bytes = 64) => [.. Enumerable.Range(0, bytes).Select(i => (byte)(number * 31 + i))];

    private static Silo MakeSilo()
    {
        var builder = Host.CreateApplicationBuilder();
        builder.Logging.ClearProviders();
        builder.UseOrleans(silo => silo.UseLocalhostClustering());
        return builder.Build().Services.GetRequiredService<Silo>();
    }

    private sealed class Working(SegmentRig rig) : IDisposable
    {
        public void Dispose() => Interlocked.Decrement(ref rig._working);
    }

    private sealed class Asking(SegmentRig rig) : IDisposable
    {
        public void Dispose() => Interlocked.Decrement(ref rig._asking);
    }

    private sealed class Uncrash(RigNode node, IDisposable bend) : IDisposable
    {
        public void Dispose()
        {
            node.Catalog.Bend = null;
            bend.Dispose();
        }
    }
}
