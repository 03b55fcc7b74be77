using Microsoft.Extensions.Logging;
using Orleans.DOS.Nodes;

namespace Orleans.DOS.Catalog;

/// <summary>
/// The catalog in a SQLite file that the nodes of one host share: all writes of a node by its <see cref="SqliteWriter"/>, reads
/// beside it on snapshots. Readers that await anything but the session are allowed; writers are not (see <see cref="ICatalog"/>).
/// </summary>
internal sealed class SqliteCatalog : IOpenCatalog
{
    /// <summary>What a row and its place in the log may take, generously.</summary>
    private const int RowBytes = 8192;

    private readonly SqliteWriter writer;
    private readonly SqliteReaders readers;
    private readonly CounterBlocks counters;
    private readonly DiskRoom room;

    public SqliteCatalog(string path, ClusterRow cluster, ILogger logger)
    {
        Cluster = cluster;
        writer = new SqliteWriter(path, logger);
        readers = new SqliteReaders(path);
        counters = new CounterBlocks(this);
        // Data on the same disk is refused earlier: names can be removed, and new ones be made for a while, when no data finds room any more.
        room = new DiskRoom(() => new DriveInfo(path) is var disk ? new DiskSpace(disk.TotalSize, disk.AvailableFreeSpace) : default, share: 50);
    }

    public ISqlDialect Dialect => SqliteDialect.Instance;

    public ClusterRow Cluster { get; }

    public async Task<T> ReadAsync<T>(Func<ICatalogSession, Task<T>> work, CancellationToken cancellationToken = default)
    {
        try
        {
            return await readers.ReadAsync(work, cancellationToken);
        }
        catch (Microsoft.Data.Sqlite.SqliteException failure)
        {
            throw SqliteErrors.Map(failure);
        }
    }

    public Task<T> WriteAsync<T>(Func<ICatalogSession, Task<T>> work, CancellationToken cancellationToken = default)
    {
        if (cancellationToken.IsCancellationRequested)
        {
            return Task.FromCanceled<T>(cancellationToken);
        }
        try
        {
            var item = new SqliteWork<T>(work, cancellationToken);
            writer.Add(item);
            return item.Task;
        }
        catch (DosException failure)
        {
            return Task.FromException<T>(failure);
        }
    }

    public void RequireRoom()
    {
        if (!room.TryTake(RowBytes))
        {
            throw new DosException(DosErrorCode.NoSpace, "the disk of the catalog is nearly full: only removing is possible");
        }
    }

    public Task<long> NextIdAsync(string counter, CancellationToken cancellationToken = default) => counters.NextAsync(counter, cancellationToken);

    public ValueTask DisposeAsync()
    {
        writer.Dispose();
        readers.Dispose();
        return ValueTask.CompletedTask;
    }
}
