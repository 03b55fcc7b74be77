using System.Data.Common;
using Dapper;

namespace Orleans.DOS.Catalog;

/// <summary>One connection inside one transaction; refuses to work once that transaction has ended.</summary>
internal abstract class CatalogSession(ISqlDialect dialect, DbConnection connection, DbTransaction? transaction) : ICatalogSession
{
    private volatile bool ended;

    // Columns are written node_id and read into NodeId or nodeId.
    static CatalogSession() => DefaultTypeMap.MatchNamesWithUnderscores = true;

    public ISqlDialect Dialect => dialect;
    public DbConnection Connection => connection;
    public DbTransaction? Transaction => transaction;

    public abstract Task<IReadOnlyList<T>> QueryAsync<T>(string sql, object? parameters = null);
    public abstract Task<T?> QueryFirstAsync<T>(string sql, object? parameters = null);
    public abstract Task<int> ExecuteAsync(string sql, object? parameters = null);
    public abstract void Queue(string sql, object parameters, Func<int, Exception?>? check = null);

    /// <summary>What still holds this session (work that awaited something else) must not reach the next transaction on its connection.</summary>
    public void End() => ended = true;

    protected void RequireOpen()
    {
        if (ended)
        {
            throw new InvalidOperationException("This catalog transaction has ended; its session cannot be used any more");
        }
    }
}

/// <summary>Completes synchronously, as SQLite's driver does in any case; so the writer thread never leaves its transaction.</summary>
internal sealed class SqliteSession(DbConnection connection) : CatalogSession(SqliteDialect.Instance, connection, null)
{
    public override Task<IReadOnlyList<T>> QueryAsync<T>(string sql, object? parameters = null) =>
        Run(() => (IReadOnlyList<T>)Connection.Query<T>(sql, parameters).AsList());

    public override Task<T?> QueryFirstAsync<T>(string sql, object? parameters = null) where T : default =>
        Run(() => Connection.QueryFirstOrDefault<T>(sql, parameters));

    public override Task<int> ExecuteAsync(string sql, object? parameters = null) => Run(() => Connection.Execute(sql, parameters));

    /// <summary>Nothing is gained by waiting: there is no way to a server.</summary>
    public override void Queue(string sql, object parameters, Func<int, Exception?>? check = null)
    {
        RequireOpen();
        var changed = Connection.Execute(sql, parameters);
        if (check?.Invoke(changed) is { } failure)
        {
            throw failure;
        }
    }

    private Task<T> Run<T>(Func<T> statement)
    {
        try
        {
            RequireOpen();
            return Task.FromResult(statement());
        }
        catch (Exception failure)
        {
            return Task.FromException<T>(failure);
        }
    }
}
