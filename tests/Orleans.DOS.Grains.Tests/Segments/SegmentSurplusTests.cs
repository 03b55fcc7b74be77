using Orleans.DOS.Catalog;
using Orleans.DOS.Segments;

namespace Orleans.DOS.Grains.Tests.Segments;

/// <summary>Replicas that are too many go, and what cannot go yet holds up nothing else.</summary>
public abstract class SegmentSurplusTests
{
    private static readonly ObjectId Target = new(ObjectKind.File, 5);
    private static readonly TimeSpan Grace = TimeSpan.FromSeconds(30);

    protected abstract Task<TestDatabase> NewDatabaseAsync();

    private async Task<SegmentRig> RigAsync(int nodes) => await SegmentRig.StartAsync(await NewDatabaseAsync(), nodes);

    [Fact]
    public async Task GivenUpReplicas_OfANodeThatStaysAway_HoldUpNoOthers()
    {
        await using var rig = await RigAsync(5);
        rig.Nodes[4].Crash();
        rig.Nodes[0].Catalog.Ids.Enqueue(5000);
        var segment = await WriteAsync(rig);
        var good = await rig.GoodAsync(segment);
        var spare = rig.Nodes.First(node => node.IsActive && !good.Contains(node));
        await rig.Rows.WriteAsync(async session =>
        {
            for (var id = 4000L; id < 4300; id++)
            {
                await session.ExecuteAsync(
                    "INSERT INTO dos_segments(segment_id, object, epoch, state, length, replicas_wanted, created_at) VALUES (@id, 'file:6', 1, 2, 1, 1, 0)", new { id });
                await InsertAsync(session, id, rig.Nodes[0], ReplicaRow.Good);
                await InsertAsync(session, id, rig.Nodes[4], ReplicaRow.Lost);
            }
            return await InsertAsync(session, segment, spare, ReplicaRow.Lost);
        });
        using var repair = rig.Nodes[0].NewRepair();
        await repair.DropSurplusAsync(CancellationToken.None);
        Assert.Equal(3, (await rig.Rows.ReadAsync(session => SegmentRows.ReplicasAsync(session, segment))).Count);
        Assert.Equal(2, (await rig.Rows.ReadAsync(session => SegmentRows.ReplicasAsync(session, 4000))).Count);
    }

    [Fact]
    public async Task NodeThatComesBackAfterTheGrace_LeavesThreeReplicas_InAllZones()
    {
        await using var rig = await RigAsync(4);
        (rig.Nodes[0].Zone, rig.Nodes[1].Zone, rig.Nodes[2].Zone, rig.Nodes[3].Zone) = ("a", "b", "c", "c");
        var segment = await WriteAsync(rig);
        var away = (await rig.GoodAsync(segment)).Single(node => node.Zone == "c");
        away.Crash();
        using var repair = rig.Nodes[0].NewRepair();
        await repair.FillUpAsync(CancellationToken.None);
        await rig.PassAsync(1.1 * Grace);
        await rig.PassAsync(repair.FillUpAsync(CancellationToken.None));
        Assert.Equal(4, (await rig.GoodAsync(segment)).Count);
        away.Restart();

        await repair.FillUpAsync(CancellationToken.None);
        await repair.DropSurplusAsync(CancellationToken.None);
        await repair.FillUpAsync(CancellationToken.None);

        var left = await rig.GoodAsync(segment);
        Assert.Equal(["a", "b", "c"], left.Select(node => node.Zone).Order());
        Assert.Equal(3, (await rig.Rows.ReadAsync(session => SegmentRows.ReplicasAsync(session, segment))).Count);
        Assert.All(rig.Nodes, node => Assert.Equal(left.Contains(node), node.Store.Segments.Contains(segment)));
    }

    [Fact]
    public async Task SurplusFoundTwice_IsGivenUpOnce_AndNeverBelowTheTargetOnLiveNodes()
    {
        await using var rig = await RigAsync(4);
        var segment = await WriteAsync(rig);
        var good = await rig.GoodAsync(segment);
        var fourth = rig.Nodes.Single(node => !good.Contains(node));
        await rig.Rows.WriteAsync(session => InsertAsync(session, segment, fourth, ReplicaRow.Good));
        var row = Assert.Single(await rig.SegmentsAsync(Target));
        async Task<bool> LoseAsync(RigNode node) => await rig.Rows.WriteAsync(session => SegmentRows.LoseSurplusAsync(session, row, node.Store.Id, node.Active));
        fourth.IsActive = false;
        Assert.False(await LoseAsync(good[0]));
        fourth.IsActive = true;
        var given = await Task.WhenAll(rig.Nodes.Select(LoseAsync));
        Assert.Single(given, isGiven => isGiven);
        Assert.Equal(3, (await rig.GoodAsync(segment)).Count);
    }

    [Fact]
    public async Task SegmentRemovedWhileBelowItsTarget_IsNotRemembered()
    {
        await using var rig = await RigAsync(3);
        var segment = await WriteAsync(rig);
        rig.Nodes[2].Crash();
        using var repair = rig.Nodes[0].NewRepair();
        await repair.FillUpAsync(CancellationToken.None);
        Assert.Equal(1, repair.SegmentsBelow);
        await ReleaseAsync(rig, segment);
        await repair.FillUpAsync(CancellationToken.None);
        Assert.Equal(0, repair.SegmentsBelow);
    }

    [Fact]
    public async Task Collect_OfFilesOnANodeThatStaysAway_CostsOneRead()
    {
        await using var rig = await RigAsync(3);
        var segment = await WriteAsync(rig);
        await ReleaseAsync(rig, segment);
        await rig.PassAsync(TimeSpan.FromMinutes(2.1));
        rig.Nodes[2].Crash();
        using var repair = rig.Nodes[0].NewRepair();
        await repair.CollectAsync(CancellationToken.None);
        Assert.Single(await rig.Rows.ReadAsync(session => SegmentRows.ReplicasAsync(session, segment)));
        var asked = new List<string>();
        rig.Nodes[0].Catalog.Bend = (kind, _) =>
        {
            asked.Add(kind);
            return null;
        };
        await repair.CollectAsync(CancellationToken.None);
        Assert.Equal(["read"], asked);
        rig.Nodes[0].Catalog.Bend = null;
        rig.Nodes[2].Restart();
        await repair.CollectAsync(CancellationToken.None);
        Assert.Empty(await rig.Rows.ReadAsync(session => SegmentRows.ReplicasAsync(session, segment)));
    }

    private static async Task<long> WriteAsync(SegmentRig rig)
    {
        var owner = await RigOwner.TakeAsync(rig, rig.Nodes[0], Target);
        var place = await rig.PassAsync(owner.AppendAsync(1));
        await rig.PassAsync(owner.Log.CloseAsync());
        return place.Segment.Value;
    }

    private static Task<bool> ReleaseAsync(SegmentRig rig, long segment) => rig.Rows.WriteAsync(async session =>
    {
        await rig.Nodes[0].Logs.ReleaseAsync(session, [new SegmentId(segment)]);
        return true;
    });

    private static Task<int> InsertAsync(ICatalogSession session, long segment, RigNode node, long state) => session.ExecuteAsync(
        "INSERT INTO dos_segment_replicas(segment_id, disk_id, node_id, state) SELECT @segment, disk_id, node_id, @state FROM dos_nodes WHERE node_id = @node",
        new { segment, state, node = node.Self.Value });
}

public sealed class SqliteSegmentSurplusTests : SegmentSurplusTests
{
    protected override Task<TestDatabase> NewDatabaseAsync() => Task.FromResult<TestDatabase>(new SqliteTestDatabase());
}

public sealed class PostgresSegmentSurplusTests(SharedPostgres shared) : SegmentSurplusTests
{
    protected override async Task<TestDatabase> NewDatabaseAsync() => await PostgresTestDatabase.CreateAsync(await shared.ServerAsync());
}
