using Orleans.DOS.Catalog;
using Orleans.DOS.Segments;

namespace Orleans.DOS.Grains.Tests.Segments;

/// <summary>A log to which nobody appends, and what happens to its replicas meanwhile (found by an hour of chaos: a disk was wiped under an idle file).</summary>
public abstract class LogWatchTests
{
    private static readonly ObjectId Target = new(ObjectKind.File, 5);
    private static readonly TimeSpan Looked = TimeSpan.FromSeconds(6);

    protected abstract Task<TestDatabase> NewDatabaseAsync();

    private async Task<SegmentRig> RigAsync() => await SegmentRig.StartAsync(await NewDatabaseAsync(), 4);

    /// <summary>Between two looks: no view of membership lacked the node.</summary>
    [Fact]
    public async Task WipedReplica_OfAnIdleLog_IsGivenUp_AndMadeAnew()
    {
        await using var rig = await RigAsync();
        var (owner, segment, other) = await WrittenAsync(rig);
        other.Wipe();
        other.Restart();
        await rig.RegisterAsync(other);
        await rig.PassAsync(Looked);

        Assert.Equal((SegmentRow.Sealed, 160L), Assert.Single(await rig.SegmentsAsync(Target)) is var row ? (row.State, row.Length) : default);
        Assert.Equal(2, (await rig.GoodAsync(segment)).Count);
        await rig.PassAsync(rig.Nodes[0].NewRepair().FillUpAsync(TestContext.Current.CancellationToken));
        Assert.Equal(3, (await rig.GoodAsync(segment)).Count);

        // Nothing of it stands in the way of the next append.
        var place = await rig.PassAsync(owner.AppendAsync(2));
        Assert.NotEqual(segment, place.Segment.Value);
        Assert.Equal([1, 2], (await RigOwner.TakeAsync(rig, rig.Nodes[0], Target)).Found);
    }

    [Fact]
    public async Task DeadReplica_OfAnIdleLog_IsGivenUp_OnceTheCatalogIsBack()
    {
        await using var rig = await RigAsync();
        var (_, segment, other) = await WrittenAsync(rig);
        rig.Nodes[0].Catalog.Bend = (kind, _) => kind == "write" ? Task.FromException(new DosException(DosErrorCode.Unavailable, "away")) : null;
        other.Crash();
        await rig.PassAsync(Looked);
        Assert.Equal(SegmentRow.Open, Assert.Single(await rig.SegmentsAsync(Target)).State);

        rig.Nodes[0].Catalog.Bend = null;
        await rig.PassAsync(Looked);
        Assert.Equal(SegmentRow.Sealed, Assert.Single(await rig.SegmentsAsync(Target)).State);
        Assert.DoesNotContain(other, await rig.GoodAsync(segment));
    }

    [Fact]
    public async Task ReplicaThatStartedAgain_WithAllThatItHad_StaysInItsSegment()
    {
        await using var rig = await RigAsync();
        var (owner, segment, other) = await WrittenAsync(rig);
        other.Crash();
        other.Restart();
        await rig.PassAsync(Looked);
        Assert.Equal(SegmentRow.Open, Assert.Single(await rig.SegmentsAsync(Target)).State);
        var asked = rig.Network.Sent.Count(call => call.Name == "Stat");
        Assert.True(asked > 0);

        // Asked once for each start, not at every look.
        await rig.PassAsync(Looked);
        Assert.Equal(asked, rig.Network.Sent.Count(call => call.Name == "Stat"));
        Assert.Equal(segment, (await rig.PassAsync(owner.AppendAsync(2))).Segment.Value);
    }

    private static async Task<(RigOwner Owner, long Segment, RigNode Other)> WrittenAsync(SegmentRig rig)
    {
        var owner = await RigOwner.TakeAsync(rig, rig.Nodes[0], Target);
        var place = await rig.PassAsync(owner.AppendAsync(1));
        return (owner, place.Segment.Value, (await rig.GoodAsync(place.Segment.Value)).First(node => node != rig.Nodes[0]));
    }
}

public sealed class SqliteLogWatchTests : LogWatchTests
{
    protected override Task<TestDatabase> NewDatabaseAsync() => Task.FromResult<TestDatabase>(new SqliteTestDatabase());
}

public sealed class PostgresLogWatchTests(SharedPostgres shared) : LogWatchTests
{
    protected override async Task<TestDatabase> NewDatabaseAsync() => await PostgresTestDatabase.CreateAsync(await shared.ServerAsync());
}
