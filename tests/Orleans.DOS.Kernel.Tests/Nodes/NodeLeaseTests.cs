using Orleans.DOS.Nodes;
using Xunit;

namespace Orleans.DOS.Kernel.Tests.Nodes;

public sealed class NodeLeaseTests
{
    private static readonly NodeStart Other = new(new("n-other"), 3);

    private static NodeLease Held(long sentMs) => NodeLease.None.RowRead(sentMs, isActive: true, isGone: false);

    [Fact]
    public void IsHeld_BeforeAnyReading_IsFalse() => Assert.False(NodeLease.None.IsHeld(0));

    [Fact]
    public void IsHeld_CountsFromTheSendingOfTheRequest()
    {
        Assert.True(Held(1_000).IsHeld(2_999));
        Assert.False(Held(1_000).IsHeld(3_000));
    }

    [Fact]
    public void RowRead_ByAnAnswerThatComesLate_DoesNotShortenTheLease()
    {
        var lease = Held(2_000).RowRead(1_000, isActive: true, isGone: false);
        Assert.True(lease.IsHeld(3_999));
    }

    [Fact]
    public void RowRead_WhileNotActive_ProlongsNothing() =>
        Assert.False(Held(0).RowRead(1_500, isActive: false, isGone: false).IsHeld(2_000));

    [Fact]
    public void RowRead_OnceGone_IsTheEndForEver()
    {
        var lease = Held(0).RowRead(100, isActive: false, isGone: true);
        Assert.False(lease.IsHeld(101));
        Assert.False(lease.RowRead(200, isActive: true, isGone: false).IsHeld(201));
        Assert.False(lease.IsUnchanged(100));
    }

    [Fact]
    public void Round_ProlongsWithoutTheCatalog_ForAMinuteFromTheLastReading()
    {
        var lease = Held(0).Confirmed(7, [Other]);
        Assert.Equal(7, lease.Round!.Value.Version);
        Assert.Equal([Other], lease.Round!.Value.Others);
        Assert.True(lease.RoundAnswered(10_000, 7).IsHeld(11_999));
        Assert.False(lease.RoundAnswered(10_000, 7).IsHeld(12_000));
        Assert.True(lease.RoundAnswered(59_000, 7).IsHeld(59_999));
        Assert.False(lease.RoundAnswered(59_000, 7).IsHeld(60_000));
    }

    [Fact]
    public void Round_WhileTheNewestViewIsNotConfirmed_IsNotBegun_NorCounted()
    {
        var lease = Held(0).Confirmed(7, [Other]).See(8);
        Assert.Null(lease.Round);
        Assert.False(lease.RoundAnswered(10_000, 7).IsHeld(10_001));
        Assert.False(lease.RoundAnswered(10_000, 8).IsHeld(10_001));
        Assert.NotNull(lease.Confirmed(8, [Other]).Round);
    }

    [Fact]
    public void IsUnchanged_AfterANewerViewWasSeen_IsFalse()
    {
        var lease = Held(0).Confirmed(7, [Other]);
        Assert.True(lease.IsUnchanged(7));
        Assert.True(lease.IsUnchanged(8)); // Who asks knows more than this node, which then denies nothing.
        Assert.False(lease.See(8).IsUnchanged(7));
    }
}
