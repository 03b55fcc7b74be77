using System.Data;
using Microsoft.Extensions.Logging;
using Npgsql;

namespace Orleans.DOS.Catalog;

/// <summary>
/// The catalog in PostgreSQL: READ COMMITTED transactions with row locks where the SQL asks for them, run again when the database
/// undid them because of others. synchronous_commit is left as the server has it: what is acknowledged is durable.
/// </summary>
internal sealed partial class PostgresCatalog : IOpenCatalog
{
    private readonly NpgsqlDataSource source;
    private readonly CounterBlocks counters;
    private readonly ILogger logger;

    public PostgresCatalog(string connectionString, ClusterRow cluster, ILogger logger)
    {
        Cluster = cluster;
        this.logger = logger;
        source = NpgsqlDataSource.Create(PostgresConnectionStrings.ForCatalog(connectionString));
        counters = new CounterBlocks(this);
    }

    public ISqlDialect Dialect => PostgresDialect.Instance;

    public ClusterRow Cluster { get; }

    /// <summary>BEGIN travels with the first statement; the end is a rollback, so that a write by mistake is without effect.</summary>
    public Task<T> ReadAsync<T>(Func<ICatalogSession, Task<T>> work, CancellationToken cancellationToken = default) =>
        RunAsync(work, IsolationLevel.RepeatableRead, static transaction => transaction.RollbackAsync(CancellationToken.None), cancellationToken);

    public Task<T> WriteAsync<T>(Func<ICatalogSession, Task<T>> work, CancellationToken cancellationToken = default) =>
        RunAsync(work, IsolationLevel.ReadCommitted, CommitAsync, cancellationToken);

    public Task<long> NextIdAsync(string counter, CancellationToken cancellationToken = default) => counters.NextAsync(counter, cancellationToken);

    public ValueTask DisposeAsync() => source.DisposeAsync();

    private async Task<T> RunAsync<T>(
        Func<ICatalogSession, Task<T>> work, IsolationLevel isolation, Func<NpgsqlTransaction, Task> end, CancellationToken cancellationToken)
    {
        for (var attempt = 1; ; attempt++)
        {
            try
            {
                return await RunOnceAsync(work, isolation, end, cancellationToken);
            }
            catch (PostgresException failure) when (PostgresErrors.IsRetryable(failure) && attempt < Limits.CatalogAttemptsMax)
            {
                LogRetry(logger, attempt, failure.SqlState);
            }
            catch (OperationCanceledException) when (cancellationToken.IsCancellationRequested)
            {
                throw;
            }
            catch (Exception failure) when (PostgresErrors.Map(failure) is var mapped && !ReferenceEquals(mapped, failure))
            {
                if (mapped is not DosException { Code: DosErrorCode.Conflict })
                {
                    LogFailure(logger, failure); // what is thrown leaves it behind: it could not be sent to another node
                }
                throw mapped;
            }
        }
    }

    private async Task<T> RunOnceAsync<T>(
        Func<ICatalogSession, Task<T>> work, IsolationLevel isolation, Func<NpgsqlTransaction, Task> end, CancellationToken cancellationToken)
    {
        await using var connection = await source.OpenConnectionAsync(cancellationToken);
        await using var transaction = await connection.BeginTransactionAsync(isolation, cancellationToken);
        var session = new PostgresSession(connection, transaction, cancellationToken);
        T result;
        try
        {
            result = await work(session);
            await session.FlushAsync();
        }
        finally
        {
            session.End();
        }
        await end(transaction);
        return result; // an exception above disposes the transaction, which rolls it back
    }

    /// <summary>Never cancelled: a commit that was asked for must be waited for.</summary>
    private async Task CommitAsync(NpgsqlTransaction transaction)
    {
        try
        {
            await transaction.CommitAsync(CancellationToken.None);
        }
        catch (Exception failure) when (!PostgresErrors.IsRetryable(failure) && PostgresErrors.MapCommit(failure) is var mapped && !ReferenceEquals(mapped, failure))
        {
            LogFailure(logger, failure);
            throw mapped;
        }
    }
}
