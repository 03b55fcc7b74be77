using Orleans.DOS.Catalog;
using Orleans.DOS.Segments;

namespace Orleans.DOS.Grains.Tests.Segments;

/// <summary>Bytes change on the disks: what is still good somewhere is never lost, and what is bad is never taken for the end.</summary>
public sealed class SegmentRotTests
{
    private const int FrameBytes = FrameCodec.HeaderBytes + 64;
    private static readonly ObjectId Target = new(ObjectKind.File, 5);

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
}
