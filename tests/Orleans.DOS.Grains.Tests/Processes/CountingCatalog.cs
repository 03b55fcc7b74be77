using System.Collections.Concurrent;
using System.Data.Common;
using Orleans.DOS.Catalog;

namespace Orleans.DOS.Grains.Tests.Processes;

/// <summary>A catalog that remembers which transactions changed something, and counts reads.</summary>
internal sealed class CountingCatalog(ICatalog inner) : ICatalog
{
    private int _reads;

    /// <summary>The statements of each transaction that changed rows, in the order of their commits.</summary>
    public ConcurrentQueue<string> Commits { get; } = new();
    /// <summary>Thrown instead of running the statement, if there is one for it.</summary>
    public Func<string, Exception?> Refuse { get; set; } = static _ => null;
    /// <summary>Awaited before each transaction that may change something.</summary>
    public Func<Task> Before { get; set; } = static () => Task.CompletedTask;
    /// <summary>Thrown after the commit of these changes, if there is one for them: its answer was lost.</summary>
    public Func<string, Exception?> LoseAnswer { get; set; } = static _ => null;
    /// <summary>Awaited between the commit of these changes and its answer.</summary>
    public Func<string, Task> After { get; set; } = static _ => Task.CompletedTask;
    /// <summary>Awaited between a read and its answer.</summary>
    public Func<Task> AfterRead { get; set; } = static () => Task.CompletedTask;
    public int Reads => Volatile.Read(ref _reads);
    public ISqlDialect Dialect => inner.Dialect;

    /// <summary>Its disk is nearly full.</summary>
    public bool IsFull { get; set; }

    public void RequireRoom()
    {
        if (IsFull)
        {
            throw new DosException(DosErrorCode.NoSpace, "nearly full");
        }
    }

    public async Task<T> ReadAsync<T>(Func<ICatalogSession, Task<T>> work, CancellationToken cancellationToken = default)
    {
        Interlocked.Increment(ref _reads);
        var result = await inner.ReadAsync(work, cancellationToken);
        await AfterRead();
        return result;
    }

    public async Task<T> WriteAsync<T>(Func<ICatalogSession, Task<T>> work, CancellationToken cancellationToken = default)
    {
        await Before();
        var changes = "";
        var result = await inner.WriteAsync(
            session =>
            {
                var watched = new WatchedSession(session, sql => Refuse(sql), sql => changes += sql + ";\n");
                changes = "";
                return work(watched);
            }, cancellationToken);
        if (changes.Length > 0)
        {
            Commits.Enqueue(changes);
        }
        await After(changes);
        if (LoseAnswer(changes) is { } lost)
        {
            throw lost;
        }
        return result;
    }

    public Task<long> NextIdAsync(string counter, CancellationToken cancellationToken = default) => inner.NextIdAsync(counter, cancellationToken);

    private sealed class WatchedSession(ICatalogSession session, Func<string, Exception?> refuse, Action<string> changed) : ICatalogSession
    {
        public ISqlDialect Dialect => session.Dialect;
        public DbConnection Connection => session.Connection;
        public DbTransaction? Transaction => session.Transaction;

        public Task<IReadOnlyList<T>> QueryAsync<T>(string sql, object? parameters = null)
        {
            Note(sql);
            return session.QueryAsync<T>(sql, parameters);
        }

        public Task<T?> QueryFirstAsync<T>(string sql, object? parameters = null)
        {
            Note(sql);
            return session.QueryFirstAsync<T>(sql, parameters);
        }

        public async Task<int> ExecuteAsync(string sql, object? parameters = null)
        {
            if (refuse(sql) is { } refusal)
            {
                throw refusal;
            }
            var rows = await session.ExecuteAsync(sql, parameters);
            if (rows > 0)
            {
                changed(sql);
            }
            return rows;
        }

        public void Queue(string sql, object parameters, Func<int, Exception?>? check = null)
        {
            if (refuse(sql) is { } refusal)
            {
                throw refusal;
            }
            session.Queue(sql, parameters, rows =>
            {
                if (rows > 0)
                {
                    changed(sql);
                }
                return check?.Invoke(rows);
            });
        }

        /// <summary>A change that returns rows.</summary>
        private void Note(string sql)
        {
            if (!sql.StartsWith("SELECT", StringComparison.Ordinal))
            {
                changed(sql);
            }
        }
    }
}
