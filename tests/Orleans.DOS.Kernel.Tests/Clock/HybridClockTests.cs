using FsCheck;
using FsCheck.Fluent;
using Orleans.DOS.Clock;
using Xunit;

namespace Orleans.DOS.Kernel.Tests.Clock;

public sealed class HybridClockTests
{
    private const long Now = 1_700_000_000_000;

    [Fact]
    public void Tick_WhilePhysicalClockStandsStillOrGoesBack_StillGrows() => Prop.ForAll(
        ArbMap.Default.ArbFor<int[]>(), steps =>
        {
            var clock = new HybridClock();
            var physicalMs = Now;
            foreach (var step in steps)
            {
                physicalMs += step % 5;
                var before = clock.Last;
                clock = clock.Tick(physicalMs);
                Assert.True(clock.Last > before);
                Assert.True(clock.Last.Milliseconds >= physicalMs);
            }
        }).QuickCheckThrowOnFailure();

    [Fact]
    public void Tick_AfterWitness_IsGreaterThanWhatWasSeen() => Prop.ForAll(
        ArbMap.Default.ArbFor<(short Ahead, ushort Counter)>(), seen =>
        {
            var stamp = HybridTime.From(Now + seen.Ahead, seen.Counter);
            Assert.True(new HybridClock().Tick(Now).Witness(stamp, Now).Tick(Now).Last > stamp);
        }).QuickCheckThrowOnFailure();

    [Fact]
    public void Tick_WhenCounterIsFull_BorrowsTheNextMillisecond()
    {
        var full = new HybridClock(HybridTime.From(Now, 0xffff));
        Assert.Equal(HybridTime.From(Now + 1, 0), full.Tick(Now).Last);
    }

    [Fact]
    public void Witness_OfStampTooFarAhead_ChangesNothing()
    {
        var clock = new HybridClock().Tick(Now);
        Assert.Equal(clock, clock.Witness(HybridTime.From(Now + HybridClock.DriftMsMax + 1, 0), Now));
        Assert.NotEqual(clock, clock.Witness(HybridTime.From(Now + HybridClock.DriftMsMax, 0), Now));
    }

    [Fact]
    public void Witness_OfOlderStamp_ChangesNothing()
    {
        var clock = new HybridClock().Tick(Now);
        Assert.Equal(clock, clock.Witness(HybridTime.From(Now - 1, 7), Now));
    }
}
