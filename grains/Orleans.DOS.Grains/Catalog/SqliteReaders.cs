using System.Collections.Concurrent;
using Microsoft.Data.Sqlite;

namespace Orleans.DOS.Catalog;

/// <summary>Connections that only read, at most <see cref="Limits.CatalogReadersMax"/>; in WAL mode they never wait for a writer.</summary>
internal sealed class SqliteReaders(string path) : IDisposable
{
    private readonly SemaphoreSlim free = new(Limits.CatalogReadersMax, Limits.CatalogReadersMax);
    private readonly ConcurrentBag<SqliteConnection> idle = [];
    private volatile bool closing;

    public async Task<T> ReadAsync<T>(Func<ICatalogSession, Task<T>> work, CancellationToken cancellationToken)
    {
        await free.WaitAsync(cancellationToken);
        try
        {
            return await ReadAsync(work);
        }
        finally
        {
            free.Release();
        }
    }

    private async Task<T> ReadAsync<T>(Func<ICatalogSession, Task<T>> work)
    {
        var connection = idle.TryTake(out var pooled) ? pooled : SqliteConnections.OpenReader(path);
        var session = new SqliteSession(connection);
        try
        {
            Execute(connection, "BEGIN"); // deferred: the first SELECT takes the snapshot
            var result = await work(session);
            Execute(connection, "COMMIT");
            session.End();
            Keep(connection);
            return result;
        }
        catch
        {
            session.End();
            connection.Dispose();
            throw;
        }
    }

    public void Dispose()
    {
        closing = true;
        DisposeIdle();
    }

    private void Keep(SqliteConnection connection)
    {
        idle.Add(connection);
        if (closing)
        {
            DisposeIdle(); // this read outlived the catalog
        }
    }

    private void DisposeIdle()
    {
        while (idle.TryTake(out var connection))
        {
            connection.Dispose();
        }
    }

    private static void Execute(SqliteConnection connection, string sql)
    {
        using var command = connection.CreateCommand();
        command.CommandText = sql;
        command.ExecuteNonQuery();
    }
}
