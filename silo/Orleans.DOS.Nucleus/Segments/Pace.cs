namespace Orleans.DOS.Segments;

/// <summary>
/// Holds background work on a disk down to a rate, so that it never takes the disk and the network from those who wait. All who share it
/// share the rate. Safe for threads.
/// </summary>
internal sealed class Pace(long bytesPerSecond, TimeProvider time)
{
    private readonly Lock _gate = new();
    private TimeSpan _next;

    /// <summary>Completes when these bytes may be moved.</summary>
    public Task TakeAsync(int bytes)
    {
        TimeSpan pause;
        lock (_gate)
        {
            var now = time.GetElapsedTime(0);
            // What was not used before is not saved up.
            _next = _next > now ? _next : now;
            pause = _next - now;
            _next += TimeSpan.FromSeconds((double)bytes / bytesPerSecond);
        }
        return pause > TimeSpan.Zero ? Task.Delay(pause, time) : Task.CompletedTask;
    }
}
