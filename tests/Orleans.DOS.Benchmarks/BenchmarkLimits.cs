using Npgsql;
using Orleans.DOS.Benchmarks.Bare;
using Orleans.DOS.Benchmarks.Suites;

namespace Orleans.DOS.Benchmarks;

/// <summary>What the bare means reach, each measured once in this run, when first asked for.</summary>
public sealed class BenchmarkLimits(string directory, string connectionString, bool quick) : IAsyncDisposable
{
    private readonly TimeSpan _span = TimeSpan.FromSeconds(quick ? 1 : 5);
    private BareCluster? _bare;
    private double? _read, _write, _disk, _syncs;

    public double DiskWrite => _disk ??= BareDisk.SequentialWrite(directory, quick ? 128L << 20 : 1L << 30, quick ? 1 : 5);

    public double SyncsPerSecond => _syncs ??= BareDisk.SyncsPerSecond(directory, _span);

    public async Task<double> ReadTransferAsync() => _read ??= await (await BareAsync()).ReadAsync(_span);

    public async Task<double> WriteTransferAsync() => _write ??= await (await BareAsync()).WriteAsync(_span);

    public async Task<double> CallsAsync(int inFlight) => await (await BareAsync()).CallsAsync(_span, inFlight);

    public async Task<double[]> CallsBesideTransferAsync(int times) => await (await BareAsync()).CallsBesideTransferAsync(times);

    /// <summary>One-row transactions a second on the same database at the same concurrency.</summary>
    public async Task<double> RowCommitsAsync(int inFlight)
    {
        await using var source = NpgsqlDataSource.Create(new NpgsqlConnectionStringBuilder(connectionString) { MaxAutoPrepare = 4, AutoPrepareMinUsages = 1 }.ConnectionString);
        await using (var create = source.CreateCommand("CREATE TABLE IF NOT EXISTS bench_rows (id BIGINT GENERATED ALWAYS AS IDENTITY PRIMARY KEY, content BYTEA NOT NULL)"))
        {
            await create.ExecuteNonQueryAsync();
        }
        var content = new byte[Limits.InlineBytesMax];
        return await Load.PerSecondAsync(_span, inFlight, async _ =>
        {
            await using var insert = source.CreateCommand("INSERT INTO bench_rows(content) VALUES ($1)");
            insert.Parameters.Add(new NpgsqlParameter { Value = content });
            await insert.ExecuteNonQueryAsync();
        });
    }

    private async Task<BareCluster> BareAsync()
    {
        if (_bare is null)
        {
            _bare = await BareCluster.StartAsync();
            await _bare.ReadAsync(TimeSpan.FromSeconds(1));
        }
        return _bare;
    }

    public ValueTask DisposeAsync() => _bare?.DisposeAsync() ?? ValueTask.CompletedTask;
}
