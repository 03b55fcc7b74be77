using System.Data.Common;
using Dapper;

namespace Orleans.DOS.Catalog;

/// <summary>One connection inside one transaction; refuses to work once that transaction has ended.</summary>
internal abstract class CatalogSession(ISqlDialect dialect, DbConnection connection, DbTransaction? transaction) : ICatalogSession
{
    private bool ended;

    // Columns are written node_id and read into NodeId or nodeId.
    static CatalogSession() => DefaultTypeMap.MatchNamesWithUnderscores = true;

    public ISqlDialect Dialect => dialect;
    public DbConnection Connection => connection;
    public DbTransaction? Transaction => transaction;

    public abstract Task<IReadOnlyList<T>> QueryAsync<T>(string sql, object? parameters = null);
    public abstract Task<T?> QueryFirstAsync<T>(string sql, object? parameters = null);
    public abstract Task<int> ExecuteAsync(string sql, object? parameters = null);

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

internal sealed class PostgresSession(DbConnection connection, DbTransaction transaction, CancellationToken cancellationToken)
    : CatalogSession(PostgresDialect.Instance, connection, transaction)
{
    public override async Task<IReadOnlyList<T>> QueryAsync<T>(string sql, object? parameters = null) =>
        (await Connection.QueryAsync<T>(Command(sql, parameters))).AsList();

    public override async Task<T?> QueryFirstAsync<T>(string sql, object? parameters = null) where T : default =>
        await Connection.QueryFirstOrDefaultAsync<T>(Command(sql, parameters));

    public override async Task<int> ExecuteAsync(string sql, object? parameters = null) =>
        await Connection.ExecuteAsync(Command(sql, parameters));

    private CommandDefinition Command(string sql, object? parameters)
    {
        RequireOpen();
        return new CommandDefinition(sql, parameters, Transaction, cancellationToken: cancellationToken);
    }
}
