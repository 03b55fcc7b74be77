using Microsoft.Extensions.DependencyInjection;
using Microsoft.Extensions.Hosting;
using Microsoft.Extensions.Logging;
using Orleans.DOS.Benchmarks.Nodes;
using Orleans.DOS.Benchmarks.Suites;
using Orleans.DOS.Catalog;
using Orleans.DOS.Client;
using Orleans.DOS.Machines;

namespace Orleans.DOS.Benchmarks;

/// <summary>One run: one PostgreSQL, three real nodes, one client over the Orleans gateway; the limits are measured beside them.</summary>
public sealed class BenchmarkRun : IAsyncDisposable
{
    private const int NodeCount = 3;
    private const int CpusEach = 1;
    private static readonly TimeSpan IdleBeforeMeasure = TimeSpan.FromSeconds(2);
    private readonly BenchmarkReport _report;
    private readonly BenchmarkSizes _sizes;
    private readonly string _directory = Directory.CreateTempSubdirectory("dos-bench-").FullName;
    private readonly PostgresServer _postgres;
    private readonly RealNodes _nodes;
    private readonly IHost _client;
    private readonly BenchmarkLimits _limits;
    private readonly string _database;

    private BenchmarkRun(BenchmarkReport report, BenchmarkSizes sizes, PostgresServer postgres, RealNodes nodes, IHost client, string database, string limitsDatabase)
    {
        (_report, _sizes, _postgres, _nodes, _client, _database) = (report, sizes, postgres, nodes, client, database);
        _limits = new BenchmarkLimits(_directory, limitsDatabase, sizes.Quick);
    }

    public static async Task<BenchmarkRun> StartAsync(BenchmarkReport report, BenchmarkSizes sizes)
    {
        var postgres = await PostgresServer.StartAsync();
        RealNodes? nodes = null;
        try
        {
            var database = await postgres.CreateDatabaseAsync();
            nodes = await RealNodes.StartAsync(database, NodeCount, CpusEach);
            var builder = Host.CreateApplicationBuilder();
            builder.Logging.ClearProviders();
            builder.Services.AddDosClient(options => options.UseOrleans([.. nodes.Urls.Select(url => new Uri(url))], nodes.Credential));
            var client = builder.Build();
            await client.StartAsync();
            return new BenchmarkRun(report, sizes, postgres, nodes, client, database, await postgres.CreateDatabaseAsync());
        }
        catch
        {
            // Processes that nobody would end.
            await (nodes?.DisposeAsync() ?? ValueTask.CompletedTask);
            await postgres.DisposeAsync();
            throw;
        }
    }

    public async Task SuiteAsync(string suite, CancellationToken cancellation)
    {
        cancellation.ThrowIfCancellationRequested();
        var machine = _client.Services.GetRequiredService<IMachine>();
        switch (suite)
        {
            case "files":
                await new FilesSuite(_report, _limits, machine, _client.Services.GetRequiredService<IClusterClient>(), _nodes, _sizes).RunAsync(cancellation);
                break;
            case "list":
                await new ListSuite(_report, machine, _database, _sizes.Quick).RunAsync(cancellation);
                break;
            case "processes":
                await IdleAsync(cancellation);
                await new ProcessesSuite(_report, machine, _sizes.Quick).RunAsync(cancellation);
                break;
            case "jobs":
                await new JobsSuite(_report, machine, _sizes.Quick).RunAsync(cancellation);
                break;
            default:
                throw new ArgumentException($"no suite '{suite}'; there are: files, list, processes, jobs", nameof(suite));
        }
    }

    /// <summary>Resident memory of a node that does nothing: the largest of the three.</summary>
    private async Task IdleAsync(CancellationToken cancellation)
    {
        await Task.Delay(IdleBeforeMeasure, cancellation); // tidy: idle memory is measured after a while of doing nothing
        var resident = _nodes.HostProcesses.Max(RealNodes.ResidentBytes) / 1e6;
        _report.Add(BenchmarkRow.AtMost("idle-node", resident, "MB resident", 250));
    }

    public async ValueTask DisposeAsync()
    {
        await _client.StopAsync();
        _client.Dispose();
        await Task.WhenAll(_limits.DisposeAsync().AsTask(), _nodes.DisposeAsync().AsTask());
        await _postgres.DisposeAsync();
        Directory.Delete(_directory, recursive: true);
    }
}
