using Orleans.DOS.Catalog;
using Orleans.DOS.Nodes;
using Orleans.DOS.Segments;

namespace Orleans.DOS.Grains.Tests.Segments;

/// <summary>Nodes that read what another owns, by places that they learned a while ago.</summary>
public sealed class SegmentReaderTests
{
    private const int FrameBytes = 160;
    private static readonly ObjectId Target = new(ObjectKind.File, 5);

    [Fact]
    public async Task Read_ByAKnownPlaceThatLostItsTail_GetsItFromTheOther()
    {
        await using var rig = await SegmentRig.StartAsync(new SqliteTestDatabase(), 4);
        var (owner, reader, segment, shortened) = await WriteAsync(rig);
        // The reader learns its places while all is well.
        Assert.Equal(2 * FrameBytes, (await reader.Logs.ReadAsync(segment, 0, 1 << 20)).Length);
        shortened.Crash(powerLoss: true, CutToOneFrame);
        await rig.PassAsync(owner.Log.CloseAsync());
        shortened.Restart();
        Assert.Equal(FrameBytes, (await shortened.Store.StatAsync(segment)).Length);
        Assert.DoesNotContain(shortened, await rig.GoodAsync(segment.Value));

        var tail = await rig.PassAsync(reader.Logs.ReadAsync(segment, FrameBytes, 1 << 20));
        Assert.Equal(FrameBytes, tail.Length);
        Assert.True(FrameCodec.TryDecode(tail, out var header));
        Assert.Equal(2, header.Position);
    }

    [Fact]
    public async Task Read_OfATailThatOnlyANodeThatIsAwayHas_IsUnavailable_AndNotNothing()
    {
        await using var rig = await SegmentRig.StartAsync(new SqliteTestDatabase(), 4);
        var (owner, reader, segment, shortened) = await WriteAsync(rig);
        var whole = (await rig.GoodAsync(segment.Value)).Single(node => node != shortened);
        await reader.Logs.ReadAsync(segment, 0, 1 << 20);
        shortened.Crash(powerLoss: true, CutToOneFrame);
        await rig.PassAsync(owner.Log.CloseAsync());
        shortened.Restart();
        whole.Crash();
        var error = await Assert.ThrowsAsync<DosException>(() => rig.PassAsync(reader.Logs.ReadAsync(segment, FrameBytes, 1 << 20)));
        Assert.Equal(DosErrorCode.Unavailable, error.Code);
        whole.Restart();
        Assert.Equal(FrameBytes, (await rig.PassAsync(reader.Logs.ReadAsync(segment, FrameBytes, 1 << 20))).Length);
    }

    [Fact]
    public async Task Read_WhenTheOnlyGoodReplicaIsAway_IsServedByOneThatWasGivenUp()
    {
        await using var rig = await SegmentRig.StartAsync(new SqliteTestDatabase(), 4);
        var (owner, reader, segment, given) = await WriteAsync(rig);
        var good = (await rig.GoodAsync(segment.Value)).Single(node => node != given);
        given.Crash();
        await rig.PassAsync(owner.Log.CloseAsync());
        given.Restart();
        Assert.DoesNotContain(given, await rig.GoodAsync(segment.Value));
        good.Crash();
        Assert.NotEmpty(await rig.PassAsync(reader.Logs.ReadAsync(segment, 0, 1 << 20)));
    }

    [Fact]
    public async Task Read_AtTheEnd_GivesNothing()
    {
        await using var rig = await SegmentRig.StartAsync(new SqliteTestDatabase(), 4);
        var (_, reader, segment, _) = await WriteAsync(rig);
        Assert.Empty(await rig.PassAsync(reader.Logs.ReadAsync(segment, 2 * FrameBytes, 1 << 20)));
    }

    /// <summary>A synced frame and one that is not, on two nodes that are neither the owner's nor the reader's; the replica to shorten is the one that is asked first.</summary>
    private static async Task<(RigOwner Owner, RigNode Reader, SegmentId Segment, RigNode Asked)> WriteAsync(SegmentRig rig)
    {
        (rig.Nodes[0].State, rig.Nodes[3].State) = (NodeState.Cordoned, NodeState.Cordoned);
        var owner = await RigOwner.TakeAsync(rig, rig.Nodes[0], Target, replicas: 2);
        var segment = (await rig.PassAsync(owner.AppendAsync(1))).Segment;
        await rig.PassAsync(owner.AppendAsync(2, durable: false));
        return (owner, rig.Nodes[3], segment, (await rig.GoodAsync(segment.Value))[0]);
    }

    private static void CutToOneFrame(string directory)
    {
        using var file = File.OpenWrite(Directory.GetFiles(directory, "*.seg", SearchOption.AllDirectories).Single());
        file.SetLength(4096 + FrameBytes);
    }
}
