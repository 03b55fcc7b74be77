namespace Orleans.DOS.Catalog;

/// <summary>Waits for what gives no event: other processes and other silos.</summary>
public static class Poll
{
    private static readonly TimeSpan Interval = TimeSpan.FromMilliseconds(50);

    /// <exception cref="TimeoutException">It did not hold in time.</exception>
    public static async Task UntilAsync(Func<Task<bool>> holds, TimeSpan limit, CancellationToken cancellationToken = default)
    {
        var start = TimeProvider.System.GetTimestamp();
        using var timer = new PeriodicTimer(Interval);
        while (!await holds())
        {
            if (TimeProvider.System.GetElapsedTime(start) > limit || !await timer.WaitForNextTickAsync(cancellationToken))
            {
                throw new TimeoutException($"It did not hold within {limit}");
            }
        }
    }
}
