using Orleans.DOS.Benchmarks.Bare;

namespace Orleans.DOS.Benchmarks;

/// <summary>One run: the limits are measured once, when first asked for, and shared by the suites.</summary>
public sealed class BenchmarkRun(BenchmarkReport report, bool quick) : IAsyncDisposable
{
    private readonly string _directory = Directory.CreateTempSubdirectory("dos-bench-").FullName;
    private BareCluster? _bare;

    public async Task SuiteAsync(string suite, CancellationToken cancellation)
    {
        cancellation.ThrowIfCancellationRequested();
        switch (suite)
        {
            case "bare":
                await BareAsync();
                break;
            default:
                throw new ArgumentException($"no suite '{suite}'; there are: bare, files, processes, jobs", nameof(suite));
        }
    }

    private async Task BareAsync()
    {
        var span = TimeSpan.FromSeconds(quick ? 1 : 5);
        _bare ??= await BareCluster.StartAsync();
        report.Add(new("bare-read", await _bare.ReadAsync(span), "MiB/s"));
        report.Add(new("bare-write", await _bare.WriteAsync(span), "MiB/s"));
        report.Add(new("bare-calls-64", await _bare.CallsAsync(span, 64), "calls/s"));
        report.Add(new("bare-calls-1", await _bare.CallsAsync(span, 1), "calls/s"));
        report.Add(new("bare-disk-write", BareDisk.SequentialWrite(_directory, quick ? 128L << 20 : 1L << 30, quick ? 1 : 5), "MiB/s"));
        report.Add(new("bare-sync", BareDisk.SyncsPerSecond(_directory, span), "syncs/s"));
    }

    public async ValueTask DisposeAsync()
    {
        if (_bare is not null)
        {
            await _bare.DisposeAsync();
        }
        Directory.Delete(_directory, recursive: true);
    }
}
