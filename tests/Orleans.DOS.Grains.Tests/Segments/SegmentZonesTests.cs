using Orleans.DOS.Catalog;
using Orleans.DOS.Segments;
using Xunit;

namespace Orleans.DOS.Grains.Tests.Segments;

/// <summary>What the nodes report as their label <c>zone</c> decides where replicas go.</summary>
public sealed class SegmentZonesTests
{
    private const int Segments = 8;

    /// <summary>Many, and from every node: one that spans the zones by chance would show nothing.</summary>
    [Fact]
    public async Task NewSegments_SpanAllZones_WhoeverOwnsThem()
    {
        await using var rig = await RigAsync();
        for (var number = 1; number <= Segments; number++)
        {
            var owner = await RigOwner.TakeAsync(rig, rig.Nodes[number % 4], new ObjectId(ObjectKind.File, number));
            var segment = (await rig.PassAsync(owner.AppendAsync(1))).Segment;
            Assert.Equal(["a", "b", "c"], (await rig.GoodAsync(segment.Value)).Select(node => node.Zone).Order());
            await rig.PassAsync(owner.Log.CloseAsync());
        }
    }

    /// <summary>The fourth node is in a zone that holds a replica already: better there than nowhere.</summary>
    [Fact]
    public async Task FillUp_WhenAZoneIsLost_TakesTheNodeThatIsLeft()
    {
        await using var rig = await RigAsync();
        var owner = await RigOwner.TakeAsync(rig, rig.Nodes[0], new ObjectId(ObjectKind.File, 5));
        var segment = (await rig.PassAsync(owner.AppendAsync(1))).Segment;
        await rig.PassAsync(owner.Log.CloseAsync());
        rig.Nodes[2].Crash();
        using var repair = rig.Nodes[0].NewRepair();
        await repair.FillUpAsync(CancellationToken.None);
        await rig.PassAsync(TimeSpan.FromSeconds(31));
        await repair.FillUpAsync(CancellationToken.None);
        Assert.Equal(0, await rig.BelowTargetAsync());
        Assert.Equal(["a", "a", "c"], (await rig.GoodAsync(segment.Value)).Where(node => node.IsActive).Select(node => node.Zone).Order());
    }

    private static async Task<SegmentRig> RigAsync()
    {
        var rig = await SegmentRig.StartAsync(new SqliteTestDatabase(), nodes: 4);
        foreach (var (node, zone) in rig.Nodes.Zip(["a", "a", "b", "c"]))
        {
            node.Zone = zone;
        }
        return rig;
    }
}
