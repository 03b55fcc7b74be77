using Orleans.DOS.Nodes;
using Xunit;

namespace Orleans.DOS.Kernel.Tests.Nodes;

public sealed class NodeFenceTests
{
    private static readonly NodeStart Self = new(new("n-self"), 1), Third = new(new("n-third"), 1), Gone = new(new("n-gone"), 5);

    private static Member Active(NodeStart start) => new(start.Node, start.Incarnation, IsActive: true, IsDead: false);
    private static Member Joining(NodeStart start) => new(start.Node, start.Incarnation, IsActive: false, IsDead: false);
    private static Member Dead(NodeStart start) => new(start.Node, start.Incarnation, IsActive: false, IsDead: true);
    private static ViewConfirmation Confirms(NodeStart by, long version, params NodeStart[] others) => new(by, version, [.. others]);

    private static MembershipReading Reading(long version, Member[] members, params ViewConfirmation[] views) => new(version, members, views);

    private static NodeFence DeadAt(long version, long nowMs, params ViewConfirmation[] views) =>
        NodeFence.Empty.See(Reading(version, [Active(Self), Active(Third), Dead(Gone)], views), nowMs, nowMs);

    [Fact]
    public void IsFenced_WhileActive_IsFalseForEver()
    {
        var fence = NodeFence.Empty.See(Reading(1, [Active(Self), Active(Gone)]), 0, 0);
        Assert.False(fence.IsFenced(Gone, 0, long.MaxValue / 2));
    }

    [Fact]
    public void IsFenced_WhenAllHaveConfirmed_WaitsForTheLeaseToRunOut()
    {
        var fence = DeadAt(9, 1_000, Confirms(Self, 9), Confirms(Third, 9), Confirms(Gone, 8, Self, Third));
        Assert.False(fence.IsFenced(Gone, 0, 1_000 + NodeFence.GraceMs - 1));
        Assert.True(fence.IsFenced(Gone, 0, 1_000 + NodeFence.GraceMs));
    }

    [Fact]
    public void IsFenced_WhileOneHasNotConfirmed_WaitsForTheMinute()
    {
        var fence = DeadAt(9, 1_000, Confirms(Self, 9), Confirms(Third, 8), Confirms(Gone, 8, Self, Third));
        Assert.False(fence.IsFenced(Gone, 0, 1_000 + NodeFence.SilenceMs - 1));
        Assert.True(fence.IsFenced(Gone, 0, 1_000 + NodeFence.SilenceMs));
    }

    [Fact]
    public void IsFenced_CountsFromTheReadingThatShowsTheLastConfirmation()
    {
        var fence = DeadAt(9, 1_000, Confirms(Self, 9), Confirms(Gone, 8, Self))
            .See(Reading(9, [Active(Self), Active(Third), Dead(Gone)], Confirms(Self, 9), Confirms(Third, 9), Confirms(Gone, 8, Self)), 5_000, 5_100);
        Assert.False(fence.IsFenced(Gone, 0, 5_100 + NodeFence.GraceMs - 1));
        Assert.True(fence.IsFenced(Gone, 0, 5_100 + NodeFence.GraceMs));
    }

    [Fact]
    public void IsFenced_WhenNoConfirmingNodeWasInItsLastView_WaitsForTheMinute()
    {
        // It may sit with others that are dead on the far side of a split, where they tell each other that nothing has changed.
        var fence = DeadAt(9, 1_000, Confirms(Self, 9), Confirms(Third, 9), Confirms(Gone, 8, new NodeStart(new("n-with-it"), 4)));
        Assert.False(fence.IsFenced(Gone, 0, 10_000));
        Assert.True(fence.IsFenced(Gone, 0, 1_000 + NodeFence.SilenceMs));
    }

    [Fact]
    public void IsFenced_WhenOneConfirmedAViewFromBeforeItWasSeenDead_IsNotCounted()
    {
        // The confirmation of a later view counts for a death seen at an earlier one.
        Assert.True(DeadAt(9, 0, Confirms(Self, 12), Confirms(Third, 11)).IsFenced(Gone, 0, NodeFence.GraceMs));
        Assert.False(DeadAt(9, 0, Confirms(Self, 12), Confirms(Third, 8)).IsFenced(Gone, 0, NodeFence.GraceMs));
    }

    [Fact]
    public void IsFenced_WhenNewerIncarnationIsActive_IsTrueAtOnce()
    {
        var newer = Gone with { Incarnation = 6 };
        var fence = NodeFence.Empty.See(Reading(3, [Active(Self), Dead(Gone), Active(newer)]), 0, 0);
        Assert.True(fence.IsFenced(Gone, 0, 0));
        Assert.False(fence.IsFenced(newer, 0, 100_000));
    }

    [Fact]
    public void IsFenced_WhenNewerIncarnationOnlyJoins_Waits() =>
        Assert.False(NodeFence.Empty.See(Reading(3, [Active(Self), Dead(Gone), Joining(Gone with { Incarnation = 6 })]), 0, 0).IsFenced(Gone, 0, 10));

    [Fact]
    public void IsFenced_NeverShown_TakesAReadingBegunAfterTheQuestion()
    {
        var fence = NodeFence.Empty.See(Reading(1, [Active(Self)]), 1_000, 1_100);
        // A node may have joined, and taken what is asked about, since.
        Assert.False(fence.IsFenced(Gone, 1_000, 1_000_000));
        Assert.True(fence.See(Reading(1, [Active(Self)]), 1_001, 1_200).IsFenced(Gone, 1_000, 1_200));
        Assert.False(fence.See(Reading(2, [Active(Self), Active(Gone)]), 1_001, 1_200).IsFenced(Gone, 1_000, 1_000_000));
    }

    [Fact]
    public void IsFenced_BeforeAnyReading_IsFalse() => Assert.False(NodeFence.Empty.IsFenced(Gone, 0, 1_000_000));

    [Fact]
    public void See_OfAReadingThatWasOvertaken_ChangesNothing()
    {
        var fence = NodeFence.Empty.See(Reading(5, [Active(Self), Active(Gone)]), 2_000, 2_100);
        Assert.Same(fence, fence.See(Reading(5, [Active(Self)]), 1_000, 2_200));
        Assert.Same(fence, fence.See(Reading(4, [Active(Self)]), 3_000, 3_100));
    }

    [Fact]
    public void IsRefused_WhenDead_Replaced_OrVanished_StaysSo()
    {
        var newer = Gone with { Incarnation = 6 };
        var alive = NodeFence.Empty.See(Reading(1, [Active(Self), Active(Gone)]), 0, 0);
        Assert.False(alive.IsRefused(Gone));
        Assert.True(alive.See(Reading(2, [Active(Self), Dead(Gone)]), 1, 1).IsRefused(Gone));
        Assert.True(alive.See(Reading(2, [Active(Self), Active(Gone), Joining(newer)]), 1, 1).IsRefused(Gone));
        var swept = alive.See(Reading(2, [Active(Self)]), 1, 1).See(Reading(3, [Active(Self)]), 2, 2);
        Assert.True(swept.IsRefused(Gone));
        Assert.False(swept.IsRefused(newer));
        Assert.False(swept.IsRefused(Third));
    }

    [Fact]
    public void IsWaiting_UntilEverybodyDeadIsFenced()
    {
        var fence = DeadAt(9, 1_000, Confirms(Self, 9), Confirms(Third, 9));
        Assert.True(fence.IsWaiting(1_000 + NodeFence.GraceMs - 1));
        Assert.False(fence.IsWaiting(1_000 + NodeFence.GraceMs));
    }
}
