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
        var (owner, segment, other) = await WrittenAsync(rig);
        rig.Nodes[0].Catalog.Bend = (kind, _) => kind == "write" ? Task.FromException(new DosException(DosErrorCode.Unavailable, "away")) : null;
        other.Crash();
        await rig.PassAsync(Looked);
        Assert.Equal(SegmentRow.Open, Assert.Single(await rig.SegmentsAsync(Target)).State);

        rig.Nodes[0].Catalog.Bend = null;
        await rig.PassAsync(Looked);
        Assert.Equal(SegmentRow.Sealed, Assert.Single(await rig.SegmentsAsync(Target)).State);
        Assert.DoesNotContain(other, await rig.GoodAsync(segment));
        // The watch holds logs weakly; a file's owner has it as long as it is open.
        GC.KeepAlive(owner);
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

    [Fact]
    public async Task SegmentOpenedWhileANodeWasAway_IsSeenBelowItsTarget_AndHasAllWhenTheNodeIsBack()
    {
        await using var rig = await RigAsync();
        rig.Nodes[2].Crash();
        rig.Nodes[3].Crash();
        var (owner, segment, _) = await WrittenAsync(rig);
        Assert.Equal(2, (await rig.GoodAsync(segment)).Count);
        Assert.Equal(1, (await rig.SumsAsync()).OpenSegments);
        await rig.PassAsync(2 * Looked);
        Assert.Equal(segment, (await rig.PassAsync(owner.AppendAsync(2))).Segment.Value);

        rig.Nodes[2].Restart();
        await rig.PassAsync(Looked);
        await rig.PassAsync(rig.Nodes[0].NewRepair().FillUpAsync(TestContext.Current.CancellationToken));
        Assert.Equal((0, 0), (await rig.SumsAsync() is var sums ? sums.Bytes : -1, sums.OpenSegments));
        Assert.Equal(3, (await rig.GoodAsync(segment)).Count);
        var next = (await rig.PassAsync(owner.AppendAsync(3))).Segment.Value;
        Assert.NotEqual(segment, next);
        Assert.Equal(3, (await rig.GoodAsync(next)).Count);
        Assert.Equal([1, 2, 3], (await RigOwner.TakeAsync(rig, rig.Nodes[0], Target)).Found);
    }

    /// <summary>It is there, and its disk takes nothing: a log must not be cut to pieces because of it.</summary>
    [Fact]
    public async Task NodeThatTakesNoReplica_DoesNotHaveSegmentsSealedAgainAndAgain()
    {
        await using var rig = await RigAsync();
        rig.Nodes[3].Crash();
        using (rig.Network.Bend(call => call.Name == "Create" && call.To == rig.Nodes[2].Self, RigNetwork.Refuse))
        {
            var (owner, _, _) = await WrittenAsync(rig);
            for (var number = 2; number < 10; number++)
            {
                await rig.PassAsync(Looked);
                await rig.PassAsync(owner.AppendAsync(number));
            }
            // Left once, at the first look.
            Assert.Equal(2, (await rig.SegmentsAsync(Target)).Count(row => row.State == SegmentRow.Open || row.Length > 0));
        }
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
