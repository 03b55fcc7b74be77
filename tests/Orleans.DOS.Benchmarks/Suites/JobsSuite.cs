using System.Diagnostics;
using System.Text;
using Orleans.DOS.Files;
using Orleans.DOS.Jobs;
using Orleans.DOS.Machines;

namespace Orleans.DOS.Benchmarks.Suites;

public sealed class JobsSuite(BenchmarkReport report, IMachine machine, bool quick)
{
    public async Task RunAsync(CancellationToken cancellation)
    {
        await EmptyTasksAsync(cancellation);
        await WordCountAsync(cancellation);
    }

    /// <summary>As many tasks as the smallest range allows over one file: what a task costs beside its work.</summary>
    private async Task EmptyTasksAsync(CancellationToken cancellation)
    {
        const int range = 64 * 1024;
        var tasks = quick ? 30 : 2000;
        await machine.Files.MakeDirectoryAsync("/bench/tasks", parents: true, cancellationToken: cancellation);
        await WriteAsync("/bench/tasks/lines", (long)tasks * range, cancellation);
        var watch = Stopwatch.StartNew();
        var job = await FinishAsync(new JobSpec { Program = "grep", Inputs = ["/bench/tasks/lines"], RangeBytes = range, Parameters = new Dictionary<string, string> { ["pattern"] = "not there" } }, cancellation);
        report.Add(BenchmarkRow.AtLeast("empty-tasks", job.Tasks / watch.Elapsed.TotalSeconds, "tasks/s", 5000));
    }

    private async Task WordCountAsync(CancellationToken cancellation)
    {
        var bytes = quick ? 16L << 20 : 1L << 30;
        await WriteAsync("/bench/words", bytes, cancellation);
        var watch = Stopwatch.StartNew();
        await FinishAsync(new JobSpec { Program = "wordcount", Inputs = ["/bench/words"] }, cancellation);
        report.Add(new BenchmarkRow("wordcount", bytes / watch.Elapsed.TotalSeconds / (1 << 20), "MiB/s"));
    }

    private async Task<JobStatus> FinishAsync(JobSpec spec, CancellationToken cancellation)
    {
        var status = await machine.Jobs.SubmitAsync(spec, cancellation);
        await foreach (var seen in machine.Jobs.WatchAsync(status.Id, cancellation))
        {
            status = seen;
        }
        return status.State == JobState.Succeeded ? status : throw new InvalidOperationException($"job {status.Id}: {status.State} {status.Reason}");
    }

    private async Task WriteAsync(string path, long bytes, CancellationToken cancellation)
    {
        var text = new StringBuilder();
        for (var line = 0; text.Length < 1 << 20; line++)
        {
            text.Append("the quick brown fox ").Append(line * 7919 % 10007).Append(" jumps over the lazy dog\n");
        }
        var block = Encoding.UTF8.GetBytes(text.ToString());
        await using var stream = await machine.Files.OpenWriteAsync(path, new FileOpenOptions { Create = true, Truncate = true, Replicas = 2 }, cancellation);
        for (long written = 0; written < bytes; written += block.Length)
        {
            await stream.WriteAsync(block.AsMemory(0, (int)Math.Min(block.Length, bytes - written)), cancellation);
        }
    }
}
