using System.Diagnostics;

namespace Orleans.DOS.Benchmarks.Suites;

/// <summary>A fixed number of callers that each call again as soon as they are answered.</summary>
internal static class Load
{
    public static async Task<double> PerSecondAsync(TimeSpan duration, int inFlight, Func<long, Task> call)
    {
        long next = 0;
        var watch = Stopwatch.StartNew();
        await Task.WhenAll(Enumerable.Range(0, inFlight).Select(async _ =>
        {
            while (watch.Elapsed < duration)
            {
                await call(Interlocked.Increment(ref next));
            }
        }));
        return next / watch.Elapsed.TotalSeconds;
    }

    /// <summary>Milliseconds of each of <paramref name="times"/> calls, one after another, sorted.</summary>
    public static async Task<double[]> MillisecondsAsync(int times, Func<Task> call)
    {
        var taken = new double[times];
        for (var number = 0; number < times; number++)
        {
            var watch = Stopwatch.StartNew();
            await call();
            taken[number] = watch.Elapsed.TotalMilliseconds;
        }
        Array.Sort(taken);
        return taken;
    }

    /// <param name="sorted">As <see cref="MillisecondsAsync"/> answers.</param>
    public static double P99(double[] sorted) => sorted[(int)(sorted.Length * 0.99)];
}
