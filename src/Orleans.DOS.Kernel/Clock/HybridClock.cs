namespace Orleans.DOS.Clock;

/// <summary>
/// The hybrid logical clock's decisions (Kulkarni et al., "Logical Physical Clocks", 2014, figure 5): stamps never repeat or fall
/// back, and a stamp made after another one was seen is greater than it. <c>Last</c> is the greatest stamp made or seen.
/// </summary>
public readonly record struct HybridClock(HybridTime Last)
{
    /// <summary>A stamp that lies further ahead of the own physical clock is not believed: one host with a wrong date must not move the whole cluster's clock for ever.</summary>
    public const long DriftMsMax = 60_000;

    private const int CounterMax = 0xffff;

    /// <summary>A new stamp for an event of this node.</summary>
    /// <param name="physicalMs">Milliseconds since the Unix epoch; may stand still or go back.</param>
    public HybridClock Tick(long physicalMs)
    {
        if (physicalMs > Last.Milliseconds)
        {
            return new HybridClock(HybridTime.From(physicalMs, 0));
        }
        // A full counter borrows the next millisecond, so that order holds when more than 65,536 events share one.
        return new HybridClock(Last.Counter < CounterMax
            ? HybridTime.From(Last.Milliseconds, Last.Counter + 1)
            : HybridTime.From(Last.Milliseconds + 1, 0));
    }

    /// <summary>Takes note of another's stamp; what is made afterwards is greater. Answers the same clock when the stamp is not to be believed.</summary>
    public HybridClock Witness(HybridTime stamp, long physicalMs) =>
        IsCredible(stamp, physicalMs) && stamp > Last ? new HybridClock(stamp) : this;

    public static bool IsCredible(HybridTime stamp, long physicalMs) => stamp.Milliseconds <= physicalMs + DriftMsMax;
}
