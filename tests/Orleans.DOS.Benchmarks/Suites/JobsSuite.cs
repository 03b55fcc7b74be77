using System.Diagnostics;
using System.Globalization;
using System.Text;
using Orleans.DOS.Files;
using Orleans.DOS.Jobs;
using Orleans.DOS.Machines;

namespace Orleans.DOS.Benchmarks.Suites;

public sealed class JobsSuite(BenchmarkReport report, IMachine machine, bool quick)
{
    private const int WarmTasks = 10_000;
    private const long WarmBytes = 128L << 20;

    public async Task RunAsync(CancellationToken cancellation)
    {
        await WarmAsync(cancellation);
        await EmptyTasksAsync(cancellation);
        await WordCountAsync(cancellation);
    }

    /// <summary>
    /// The nodes have just started, and what they do first they do in code that is not compiled well yet (more than half of their time in the first minute, by
    /// perf): small jobs of both kinds first. Not in a small dose, which shall stay small.
    /// </summary>
    private async Task WarmAsync(CancellationToken cancellation)
    {
        if (quick)
        {
            return;
        }
        await machine.Files.MakeDirectoryAsync("/bench", parents: true, cancellationToken: cancellation);
        await using (var stream = await machine.Files.OpenWriteAsync("/bench/warm", new FileOpenOptions { Create = true, Truncate = true, Replicas = 2 }, cancellation))
        {
            await WriteAsync(stream, WarmBytes, cancellation);
        }
        await FinishAsync(Empty(WarmTasks), cancellation);
        await FinishAsync(new JobSpec { Program = "wordcount", Inputs = ["/bench/warm"], RangeBytes = 1 << 20 }, cancellation);
    }

    /// <summary>
    /// What a task costs beside its work. The program <c>empty</c> splits its work itself: into tasks that have no input but their number, in each of which a
    /// worker makes the program anew and calls its Map, which emits nothing; so there is nothing to read and no file to write. All the rest is
    /// done: planned, assigned, started in a worker, reported, journaled in the catalog with a durable commit before it counts; then one reducer
    /// per node writes its (empty) part. The clock runs from the submission to the end of the job as its client sees it.
    /// </summary>
    private async Task EmptyTasksAsync(CancellationToken cancellation)
    {
        var tasks = quick ? 5000 : 100_000;
        var watch = Stopwatch.StartNew();
        var job = await FinishAsync(Empty(tasks), cancellation);
        report.Add(BenchmarkRow.AtLeast("empty-tasks", job.Tasks / watch.Elapsed.TotalSeconds, "tasks/s", 5000));
    }

    /// <summary>
    /// Against the same count by one thread (<see cref="JobReference"/>: the same Map over the same bytes in a local file, everything in memory), measured right
    /// after it. The job's clock runs from its submission to its end, with its result on the disks of two nodes.
    /// </summary>
    private async Task WordCountAsync(CancellationToken cancellation)
    {
        await machine.Files.MakeDirectoryAsync("/bench", parents: true, cancellationToken: cancellation);
        var bytes = quick ? 16L << 20 : 1L << 30;
        await using (var stream = await machine.Files.OpenWriteAsync("/bench/words", new FileOpenOptions { Create = true, Truncate = true, Replicas = 2 }, cancellation))
        {
            await WriteAsync(stream, bytes, cancellation);
        }
        var watch = Stopwatch.StartNew();
        var job = await FinishAsync(new JobSpec { Program = "wordcount", Inputs = ["/bench/words"] }, cancellation);
        var counted = Throughput(bytes, watch.Elapsed);
        report.Add(BenchmarkRow.AtLeastShare("wordcount", counted, "MiB/s", await SingleThreadedAsync(bytes, job.Results.Count, cancellation), 1.0));
    }

    private static async Task<double> SingleThreadedAsync(long bytes, int partitions, CancellationToken cancellation)
    {
        var path = Path.GetTempFileName();
        try
        {
            await using (var file = File.Create(path))
            {
                await WriteAsync(file, bytes, cancellation);
            }
            var watch = Stopwatch.StartNew();
            JobReference.Run(new WordCountJob(), [File.OpenRead(path)], partitions, cancellation);
            return Throughput(bytes, watch.Elapsed);
        }
        finally
        {
            File.Delete(path);
        }
    }

    private static double Throughput(long bytes, TimeSpan elapsed) => bytes / elapsed.TotalSeconds / (1 << 20);

    private static JobSpec Empty(int tasks) => new()
    {
        Program = "empty", Inputs = [], Split = JobSplit.ByProgram, Parameters = new Dictionary<string, string> { ["tasks"] = tasks.ToString(CultureInfo.InvariantCulture) },
    };

    private async Task<JobStatus> FinishAsync(JobSpec spec, CancellationToken cancellation)
    {
        var status = await machine.Jobs.SubmitAsync(spec, cancellation);
        await foreach (var seen in machine.Jobs.WatchAsync(status.Id, cancellation))
        {
            status = seen;
        }
        return status.State == JobState.Succeeded ? status : throw new InvalidOperationException($"job {status.Id}: {status.State} {status.Reason}");
    }

    private static async Task WriteAsync(Stream stream, long bytes, CancellationToken cancellation)
    {
        var text = new StringBuilder();
        for (var line = 0; text.Length < 1 << 20; line++)
        {
            text.Append("the quick brown fox ").Append(line * 7919 % 10007).Append(" jumps over the lazy dog\n");
        }
        var block = Encoding.UTF8.GetBytes(text.ToString());
        for (long written = 0; written < bytes; written += block.Length)
        {
            await stream.WriteAsync(block.AsMemory(0, (int)Math.Min(block.Length, bytes - written)), cancellation);
        }
    }
}
