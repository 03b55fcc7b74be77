using FsCheck;
using FsCheck.Fluent;
using Orleans.DOS.Segments;
using Xunit;

namespace Orleans.DOS.Kernel.Tests.Segments;

public sealed class ReplicaPlacementTests
{
    private static readonly NodeId Self = new("n-0");

    [Fact]
    public void Choose_IsDistinct_AsManyAsThereAre_ThisNodeFirst() => Prop.ForAll<byte, byte, ushort>((nodes, wanted, chance) =>
    {
        var candidates = Enumerable.Range(0, nodes % 8).Select(number => Candidate(number, number * 100, "")).ToList();
        var chosen = ReplicaPlacement.Choose(candidates, Self, wanted % 6, chance / 65536.0);
        return chosen.Distinct().Count() == chosen.Count
            && chosen.Count == Math.Min(wanted % 6, candidates.Count)
            && (chosen.Count == 0 || chosen[0] == Self)
            && chosen.All(node => candidates.Any(candidate => candidate.Node == node));
    }).QuickCheckThrowOnFailure();

    [Fact]
    public void Choose_TakesEachZoneBeforeOneTwice() => Prop.ForAll<byte[], byte, ushort>((zones, wanted, chance) =>
    {
        var candidates = zones.Take(8).Select((zone, number) => Candidate(number, 100, $"z{zone % 3}")).ToList();
        var chosen = ReplicaPlacement.Choose(candidates, Self, wanted % 6, chance / 65536.0);
        var taken = chosen.Select(node => candidates.First(candidate => candidate.Node == node).Zone).Distinct().Count();
        return taken == Math.Min(chosen.Count, candidates.Select(candidate => candidate.Zone).Distinct().Count());
    }).QuickCheckThrowOnFailure();

    [Fact]
    public void Choose_More_TakesZonesThatHoldNoneYet_AndNotThisNodeFirst()
    {
        var candidates = new[] { Candidate(0, 100, "a"), Candidate(1, 100, "b"), Candidate(2, 100, "c") };
        var held = new HashSet<string>(["a", "b"], StringComparer.Ordinal);
        Assert.All(Enumerable.Range(0, 100), i => Assert.Equal([candidates[2].Node], ReplicaPlacement.Choose(candidates, Self, 1, i / 100.0, held)));
        Assert.Equal(2, ReplicaPlacement.Choose(candidates, Self, 2, 0.5, held).Count);
    }

    [Fact]
    public void Choose_WithoutThisNode_FavoursFreeSpace()
    {
        var candidates = new[] { Candidate(1, 100, ""), Candidate(2, 900, "") };
        var second = Enumerable.Range(0, 1000).Count(i => ReplicaPlacement.Choose(candidates, Self, 1, i / 1000.0)[0] == candidates[1].Node);
        Assert.InRange(second, 890, 910);
    }

    [Fact]
    public void Choose_FromFullDisks_StillChooses() =>
        Assert.Equal(3, ReplicaPlacement.Choose([Candidate(0, 0, ""), Candidate(1, -5, ""), Candidate(2, 0, "")], Self, 3, 0.999).Count);

    private static PlacementCandidate Candidate(int number, long free, string zone) => new(new NodeId($"n-{number}"), free, zone);
}
