namespace Orleans.DOS.Clock;

/// <summary>
/// A stamp of the hybrid logical clock (Kulkarni et al., "Logical Physical Clocks", 2014): 48 bits of milliseconds since the Unix
/// epoch and 16 bits of counter, compared as one number, so that cause is always smaller than effect.
/// </summary>
[GenerateSerializer, Immutable, Alias("dos.HybridTime")]
public readonly record struct HybridTime([property: Id(0)] long Value) : IComparable<HybridTime>
{
    public long Milliseconds => Value >> 16;
    public int Counter => (int)(Value & 0xffff);
    public static HybridTime From(long milliseconds, int counter) => new((milliseconds << 16) | (uint)counter);
    public DateTimeOffset ToDateTimeOffset() => DateTimeOffset.FromUnixTimeMilliseconds(Milliseconds);
    public int CompareTo(HybridTime other) => Value.CompareTo(other.Value);
    public static bool operator <(HybridTime left, HybridTime right) => left.Value < right.Value;
    public static bool operator >(HybridTime left, HybridTime right) => left.Value > right.Value;
    public static bool operator <=(HybridTime left, HybridTime right) => left.Value <= right.Value;
    public static bool operator >=(HybridTime left, HybridTime right) => left.Value >= right.Value;
}
