using System.Data.Common;

namespace Orleans.DOS.Catalog;

/// <summary>
/// The tables of names and metadata: PostgreSQL, or SQLite when embedded. SQL is written once in the common subset of both (named
/// parameters @x, RETURNING, ON CONFLICT); the few words that differ are tokens of <see cref="ISqlDialect"/>.
/// </summary>
public interface ICatalog
{
    ISqlDialect Dialect { get; }

    /// <summary>Runs reads on one snapshot. Never writes.</summary>
    /// <exception cref="DosException">Unavailable: the database cannot be reached.</exception>
    Task<T> ReadAsync<T>(Func<ICatalogSession, Task<T>> work, CancellationToken cancellationToken = default);

    /// <summary>
    /// Runs one transaction; when the task completes it is durable. On SQLite the node's writer thread runs it, in one commit with
    /// others that wait: <paramref name="work"/> may run again after a serialisation failure, must not await anything but the
    /// session, and must not touch anything outside. An exception rolls back this work alone and is rethrown.
    /// </summary>
    /// <exception cref="DosException">Unavailable: nothing was changed. OutcomeUnknown: the commit's answer was lost.</exception>
    Task<T> WriteAsync<T>(Func<ICatalogSession, Task<T>> work, CancellationToken cancellationToken = default);

    /// <summary>
    /// To be asked before something is added. While the catalog's disk has little room left, that is kept for changes which free some, or
    /// end something; on a database server, that is the server's to say.
    /// </summary>
    /// <exception cref="DosException">NoSpace.</exception>
    void RequireRoom()
    {
    }

    /// <summary>Numbers that are never given twice (see table dos_counters), taken from the catalog in blocks.</summary>
    Task<long> NextIdAsync(string counter, CancellationToken cancellationToken = default);
}

/// <summary>One connection inside one transaction. Parameters as with Dapper: an anonymous object.</summary>
public interface ICatalogSession
{
    ISqlDialect Dialect { get; }
    DbConnection Connection { get; }
    DbTransaction? Transaction { get; }
    Task<IReadOnlyList<T>> QueryAsync<T>(string sql, object? parameters = null);
    Task<T?> QueryFirstAsync<T>(string sql, object? parameters = null);
    /// <returns>Rows changed.</returns>
    Task<int> ExecuteAsync(string sql, object? parameters = null);

    /// <summary>
    /// A statement whose answer nobody needs before the end: PostgreSQL is sent all that are queued in one message, before the next
    /// statement that is awaited or the commit, so that row locks are held for one round trip less each.
    /// </summary>
    /// <param name="check">Told the rows changed; what it returns is thrown, and nothing of the transaction stays.</param>
    void Queue(string sql, object parameters, Func<int, Exception?>? check = null);
}

/// <summary>Words in which the two databases differ.</summary>
public interface ISqlDialect
{
    string Name { get; }
    /// <summary>"FOR UPDATE" behind a SELECT; empty on SQLite, whose writer is alone.</summary>
    string ForUpdate { get; }
    /// <summary>"FOR SHARE"; empty on SQLite.</summary>
    string ForShare { get; }
    /// <summary>ORDER BY expression that compares names bytewise.</summary>
    string Bytewise(string column);
}

/// <summary>The instant in the catalog's unit: microseconds since the Unix epoch.</summary>
public static class CatalogTime
{
    public static long From(DateTimeOffset instant) => (instant.UtcTicks - DateTimeOffset.UnixEpoch.Ticks) / 10;
    public static DateTimeOffset To(long microseconds) => new(DateTimeOffset.UnixEpoch.Ticks + (microseconds * 10), TimeSpan.Zero);
}
