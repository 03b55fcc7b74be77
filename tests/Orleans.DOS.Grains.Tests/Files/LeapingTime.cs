namespace Orleans.DOS.Files;

/// <summary>The system's time, whose elapsed time a test can let leap; timers run as they do.</summary>
internal sealed class LeapingTime : TimeProvider
{
    private long _leapt;

    public void Leap(TimeSpan span) => Interlocked.Add(ref _leapt, (long)(span.TotalSeconds * TimestampFrequency));

    public override long GetTimestamp() => base.GetTimestamp() + Interlocked.Read(ref _leapt);
}
