using System.Diagnostics;
using Microsoft.Win32.SafeHandles;

namespace Orleans.DOS.Benchmarks.Bare;

/// <summary>What the disk alone can do.</summary>
public static class BareDisk
{
    /// <summary>
    /// MiB/s of sequential writes of <paramref name="bytes"/> with one sync at the end; the median of <paramref name="runs"/>. Each file stays until all are
    /// written: a deleted one would hand its pages to the next, and a store writes to new ones.
    /// </summary>
    public static double SequentialWrite(string directory, long bytes, int runs)
    {
        var rates = new double[runs];
        var block = new byte[1024 * 1024];
        Random.Shared.NextBytes(block);
        for (var run = 0; run < runs; run++)
        {
            var watch = Stopwatch.StartNew();
            using (var file = File.OpenHandle(PathOf(run), FileMode.Create, FileAccess.Write))
            {
                for (long position = 0; position < bytes; position += block.Length)
                {
                    RandomAccess.Write(file, block, position);
                }
                RandomAccess.FlushToDisk(file);
            }
            rates[run] = bytes / watch.Elapsed.TotalSeconds / (1024 * 1024);
        }
        for (var run = 0; run < runs; run++)
        {
            File.Delete(PathOf(run));
        }
        Array.Sort(rates);
        return rates[runs / 2];

        string PathOf(int run) => Path.Combine(directory, $"bare-{run}.bin");
    }

    /// <summary>Small appends with a sync each, one at a time, per second.</summary>
    public static double SyncsPerSecond(string directory, TimeSpan duration)
    {
        var path = Path.Combine(directory, "bare-sync.bin");
        var block = new byte[256];
        using SafeFileHandle file = File.OpenHandle(path, FileMode.Create, FileAccess.Write);
        var watch = Stopwatch.StartNew();
        long syncs = 0;
        while (watch.Elapsed < duration)
        {
            RandomAccess.Write(file, block, syncs * block.Length);
            RandomAccess.FlushToDisk(file);
            syncs++;
        }
        var rate = syncs / watch.Elapsed.TotalSeconds;
        File.Delete(path);
        return rate;
    }
}
