using FsCheck;
using FsCheck.Fluent;
using Orleans.DOS.Nodes;
using Xunit;

namespace Orleans.DOS.Kernel.Tests.Nodes;

public sealed class NodeFenceTests
{
    private static readonly NodeId Self = new("n-self"), Other = new("n-other");
    private static readonly Member SelfActive = new(Self, 1, IsActive: true, IsDead: false);

    private static Member Active(long incarnation) => new(Other, incarnation, IsActive: true, IsDead: false);
    private static Member Joining(long incarnation) => new(Other, incarnation, IsActive: false, IsDead: false);
    private static Member Dead(long incarnation) => new(Other, incarnation, IsActive: false, IsDead: true);

    [Fact]
    public void IsFenced_WhileActive_IsFalseForEver()
    {
        var fence = NodeFence.Empty.See([SelfActive, Active(5)], 0);
        Assert.False(fence.IsFenced(Other, 5, long.MaxValue / 2));
    }

    [Fact]
    public void IsFenced_WhenDead_WaitsForTheLeaseToRunOut()
    {
        var fence = NodeFence.Empty.See([SelfActive, Active(5)], 0).See([SelfActive, Dead(5)], 10_000);
        Assert.False(fence.IsFenced(Other, 5, 10_000 + NodeFence.GraceMs - 1));
        Assert.True(fence.IsFenced(Other, 5, 10_000 + NodeFence.GraceMs));
    }

    [Fact]
    public void IsFenced_WhenSeenDeadAgain_CountsFromTheFirstTime()
    {
        var fence = NodeFence.Empty.See([SelfActive, Dead(5)], 1_000).See([SelfActive, Dead(5)], 2_500);
        Assert.True(fence.IsFenced(Other, 5, 1_000 + NodeFence.GraceMs));
    }

    [Fact]
    public void IsFenced_WhenNewerIncarnationIsActive_IsTrueAtOnce()
    {
        var fence = NodeFence.Empty.See([SelfActive, Dead(5), Active(6)], 1_000);
        Assert.True(fence.IsFenced(Other, 5, 1_000));
        Assert.False(fence.IsFenced(Other, 6, 100_000));
    }

    [Fact]
    public void IsFenced_WhenNewerIncarnationOnlyJoins_WaitsForTheLease()
    {
        var fence = NodeFence.Empty.See([SelfActive, Dead(5), Joining(6)], 1_000);
        Assert.False(fence.IsFenced(Other, 5, 1_000));
    }

    [Fact]
    public void IsFenced_WhenSweptFromTheTable_StaysTrue()
    {
        var fence = NodeFence.Empty.See([SelfActive, Active(5)], 0).See([SelfActive], 10_000);
        Assert.False(fence.IsFenced(Other, 5, 10_001));
        fence = fence.See([SelfActive], 11_000).See([SelfActive], 20_000).See([SelfActive], 30_000);
        Assert.True(fence.IsFenced(Other, 5, 30_000));
    }

    [Fact]
    public void IsFenced_BeforeAnyViewWithAnActiveNode_IsFalse()
    {
        Assert.False(NodeFence.Empty.IsFenced(Other, 5, 1_000_000));
        Assert.False(NodeFence.Empty.See([], 0).IsFenced(Other, 5, 1_000_000));
    }

    [Fact]
    public void IsFenced_NeverSeen_WaitsFromTheFirstView()
    {
        var fence = NodeFence.Empty.See([SelfActive], 1_000);
        Assert.False(fence.IsFenced(Other, 5, 1_000 + NodeFence.GraceMs - 1));
        Assert.True(fence.IsFenced(Other, 5, 1_000 + NodeFence.GraceMs));
    }

    /// <summary>The naive twin remembers every view ever seen. An incarnation joins, is active, dies and is swept, in this order; any stage may be missed.</summary>
    [Fact]
    public void IsFenced_ForRandomHistories_AgreesWithTheNaiveTwin() => Prop.ForAll(
        ArbMap.Default.ArbFor<(byte Stage, byte Step)[]>(), history =>
        {
            var fence = NodeFence.Empty;
            var views = new List<(long AtMs, Member? Shown)>();
            var (nowMs, stage) = (0L, 0);
            foreach (var (wish, step) in history)
            {
                nowMs += step * 37;
                stage = Math.Max(stage, wish % 5);
                Member? shown = stage switch { 1 => Joining(5), 2 => Active(5), 3 => Dead(5), _ => null };
                views.Add((nowMs, shown));
                fence = fence.See(shown is { } member ? [SelfActive, member] : [SelfActive], nowMs);
                foreach (var laterMs in new[] { nowMs, nowMs + NodeFence.GraceMs - 1, nowMs + NodeFence.GraceMs })
                {
                    Assert.Equal(Naive(views, laterMs), fence.IsFenced(Other, 5, laterMs));
                }
            }
        }).QuickCheckThrowOnFailure();

    /// <summary>Gone without a break since some view, and that view is old enough. One that was not shown before it was shown dead may have lived in between.</summary>
    private static bool Naive(List<(long AtMs, Member? Shown)> views, long nowMs)
    {
        var since = views.Count;
        while (since > 0 && views[since - 1].Shown is null or { IsDead: true }
            && !(views[since - 1].Shown is null && since < views.Count && views[since].Shown is { IsDead: true }))
        {
            since--;
        }
        return since < views.Count && nowMs - views[since].AtMs >= NodeFence.GraceMs;
    }
}
