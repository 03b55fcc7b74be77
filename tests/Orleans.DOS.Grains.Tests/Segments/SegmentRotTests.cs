using Orleans.DOS.Catalog;
using Orleans.DOS.Segments;

namespace Orleans.DOS.Grains.Tests.Segments;

/// <summary>Bytes change on the disks: what is still good somewhere is never lost, and what is bad is never taken for the end.</summary>
public sealed class SegmentRotTests
{
    private const int FrameBytes = FrameCodec.HeaderBytes + 64, Frames = 12;
    private static readonly ObjectId Target = new(ObjectKind.File, 5);

    [Fact]
    public async Task ReplicasWithDifferentBadFrames_MendEachOther()
    {
        await using var rig = await SegmentRig.StartAsync(new SqliteTestDatabase(), 2);
        var segment = await WriteAsync(rig, 2);
        rig.Nodes[0].Rot(segment, (5 * FrameBytes) + 100);
        rig.Nodes[1].Rot(segment, (9 * FrameBytes) + 100);
        foreach (var node in new[] { rig.Nodes[1], rig.Nodes[0] })
        {
            using var scrubber = node.NewScrubber();
            await rig.PassAsync(scrubber.ScrubPageAsync(0, CancellationToken.None));
            Assert.DoesNotContain(node, await rig.GoodAsync(segment.Value));
            using var repair = rig.Nodes[0].NewRepair();
            await rig.PassAsync(repair.FillUpAsync(CancellationToken.None));
            Assert.Contains(node, await rig.GoodAsync(segment.Value));
            Assert.Equal(Frames * FrameBytes, (await node.Store.ReadAsync(segment, 0, 1 << 20)).Frames.Length);
            Assert.Equal((true, false, false), await node.Store.StatAsync(segment) is var now ? (now.Sealed, now.Damaged, now.Rotten) : default);
        }
        Assert.Equal(Enumerable.Range(0, Frames), (await RigOwner.TakeAsync(rig, rig.Nodes[0], Target, 2)).Found);
    }

    [Fact]
    public async Task FrameThatIsBadEverywhere_CostsNoOther()
    {
        await using var rig = await SegmentRig.StartAsync(new SqliteTestDatabase(), 2);
        var segment = await WriteAsync(rig, 2);
        rig.Nodes[0].Rot(segment, (5 * FrameBytes) + 100);
        rig.Nodes[1].Rot(segment, (5 * FrameBytes) + 100);
        using var scrubber = rig.Nodes[1].NewScrubber();
        await rig.PassAsync(scrubber.ScrubPageAsync(0, CancellationToken.None));
        using var repair = rig.Nodes[0].NewRepair();
        await rig.PassAsync(repair.FillUpAsync(CancellationToken.None));
        Assert.DoesNotContain(rig.Nodes[1], await rig.GoodAsync(segment.Value));
        Assert.Equal(6 * FrameBytes, (await rig.Nodes[1].Store.ReadAsync(segment, 6 * FrameBytes, 1 << 20)).Frames.Length);
    }

    [Fact]
    public async Task Seal_ByAReplicaThatIsRotten_DoesNotMakeItGood()
    {
        await using var rig = await SegmentRig.StartAsync(new SqliteTestDatabase());
        var owner = await RigOwner.TakeAsync(rig, rig.Nodes[0], Target);
        var segment = (await owner.AppendAsync([1, 2, 3]))[0].Segment;
        rig.Nodes[1].Rot(segment, FrameBytes + 100);
        Assert.Equal(ReplicaOutcome.Failed, (await rig.Nodes[1].Store.VerifyAsync(segment, FrameBytes, FrameBytes)).Outcome);
        await rig.PassAsync(owner.Log.CloseAsync());
        Assert.DoesNotContain(rig.Nodes[1], await rig.GoodAsync(segment.Value));
        Assert.Contains(rig.Nodes[2], await rig.GoodAsync(segment.Value));
    }

    private static async Task<SegmentId> WriteAsync(SegmentRig rig, int replicas)
    {
        var owner = await RigOwner.TakeAsync(rig, rig.Nodes[0], Target, replicas);
        var places = await owner.AppendAsync(Enumerable.Range(0, Frames));
        await rig.PassAsync(owner.Log.CloseAsync());
        return places[0].Segment;
    }
}
