using System.Collections.Concurrent;
using Microsoft.Data.Sqlite;
using Microsoft.Extensions.Logging;

namespace Orleans.DOS.Catalog;

/// <summary>
/// The node's only thread that writes our SQLite tables. It takes what waits, up to <see cref="Limits.CatalogBatchMax"/>, runs each
/// work in its own savepoint within one transaction, commits (one fsync for all), and only then tells the callers:
/// <code>BEGIN IMMEDIATE; { SAVEPOINT w; work; RELEASE w }*; COMMIT; complete*</code>
/// A work that throws is rolled back to its savepoint and fails alone.
/// </summary>
internal sealed partial class SqliteWriter : IDisposable
{
    private readonly BlockingCollection<SqliteWork> queue = new(Limits.CatalogQueueMax);
    private readonly string path;
    private readonly ILogger logger;
    private readonly Thread thread;
    private SqliteConnection? connection;

    public SqliteWriter(string path, ILogger logger)
    {
        this.path = path;
        this.logger = logger;
        thread = new Thread(Loop) { IsBackground = true, Name = "dos-catalog" };
        thread.Start();
    }

    /// <exception cref="DosException">Unavailable: the queue is full, or the catalog is closing.</exception>
    public void Add(SqliteWork work)
    {
        if (!TryAdd(work))
        {
            throw new DosException(new DosError(
                DosErrorCode.Unavailable, $"More than {Limits.CatalogQueueMax} writes wait for the catalog, or it is closing", TimeSpan.FromMilliseconds(200)));
        }
    }

    /// <summary>Writes that wait are still carried out.</summary>
    public void Dispose()
    {
        queue.CompleteAdding();
        thread.Join();
        queue.Dispose();
    }

    private bool TryAdd(SqliteWork work)
    {
        try
        {
            return queue.TryAdd(work);
        }
        catch (InvalidOperationException)
        {
            return false; // closing
        }
    }

    private void Loop()
    {
        var batch = new List<SqliteWork>(Limits.CatalogBatchMax);
        while (queue.TryTake(out var first, Timeout.Infinite))
        {
            batch.Add(first);
            while (batch.Count < Limits.CatalogBatchMax && queue.TryTake(out var next))
            {
                batch.Add(next);
            }
            batch.RemoveAll(static work => work.TryCancel());
            Commit(batch);
            batch.Clear();
        }
        Drop();
    }

    /// <summary>
    /// Leaves no work without its answer. Some failures (disk full, I/O) make SQLite roll back the whole transaction under a single
    /// work's statement: that work fails, and the others, which have lost what they did, run again without it.
    /// </summary>
    private void Commit(List<SqliteWork> batch)
    {
        while (batch.Count > 0)
        {
            try
            {
                Execute("BEGIN IMMEDIATE");
            }
            catch (Exception failure)
            {
                FailAll(batch, SqliteErrors.Map(failure));
                return;
            }
            if (RunAll(batch, out var done))
            {
                Finish(done);
                return;
            }
        }
    }

    /// <summary>False when the transaction was lost; then <paramref name="batch"/> no longer holds the works that failed.</summary>
    private bool RunAll(List<SqliteWork> batch, out List<SqliteWork> done)
    {
        done = new List<SqliteWork>(batch.Count);
        foreach (var work in batch.ToArray())
        {
            if (RunOne(work, out var transactionLives))
            {
                done.Add(work);
                continue;
            }
            batch.Remove(work);
            if (!transactionLives)
            {
                Drop();
                return false;
            }
        }
        return true;
    }

    private bool RunOne(SqliteWork work, out bool transactionLives)
    {
        var session = new SqliteSession(connection!);
        try
        {
            Execute("SAVEPOINT w");
            work.Run(session);
            Execute("RELEASE w");
            transactionLives = true;
            return true;
        }
        catch (Exception failure)
        {
            // Before the caller is told: what it lets go on must find its session closed.
            session.End();
            transactionLives = TryUndo();
            work.Fail(failure);
            return false;
        }
        finally
        {
            session.End();
        }
    }

    private bool TryUndo()
    {
        try
        {
            Execute("ROLLBACK TO w");
            Execute("RELEASE w");
            return true;
        }
        catch (SqliteException failure)
        {
            LogTransactionLost(logger, failure);
            return false;
        }
    }

    private void Finish(List<SqliteWork> done)
    {
        try
        {
            Execute("COMMIT");
        }
        catch (Exception failure)
        {
            FailAll(done, SqliteErrors.MapCommit(failure));
            return;
        }
        foreach (var work in done)
        {
            work.Complete();
        }
    }

    private void FailAll(List<SqliteWork> batch, Exception failure)
    {
        LogBatchFailed(logger, batch.Count, failure);
        Drop(); // with an open transaction this rolls back
        foreach (var work in batch)
        {
            work.Fail(failure);
        }
    }

    private void Execute(string sql)
    {
        connection ??= SqliteConnections.OpenWriter(path);
        using var command = connection.CreateCommand();
        command.CommandText = sql;
        command.ExecuteNonQuery();
    }

    private void Drop()
    {
        connection?.Dispose();
        connection = null;
    }
}
