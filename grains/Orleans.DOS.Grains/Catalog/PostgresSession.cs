using System.Collections.Concurrent;
using System.Reflection;
using Dapper;
using Npgsql;

namespace Orleans.DOS.Catalog;

internal sealed class PostgresSession(NpgsqlConnection connection, NpgsqlTransaction transaction, CancellationToken cancellationToken)
    : CatalogSession(PostgresDialect.Instance, connection, transaction)
{
    private static readonly ConcurrentDictionary<Type, PropertyInfo[]> Properties = new();
    private readonly List<(string Sql, object Parameters, Func<int, Exception?>? Check)> _queued = [];

    public override async Task<IReadOnlyList<T>> QueryAsync<T>(string sql, object? parameters = null)
    {
        await FlushAsync();
        return (await Connection.QueryAsync<T>(Command(sql, parameters))).AsList();
    }

    public override async Task<T?> QueryFirstAsync<T>(string sql, object? parameters = null) where T : default
    {
        await FlushAsync();
        return await Connection.QueryFirstOrDefaultAsync<T>(Command(sql, parameters));
    }

    public override async Task<int> ExecuteAsync(string sql, object? parameters = null)
    {
        await FlushAsync();
        return await Connection.ExecuteAsync(Command(sql, parameters));
    }

    public override void Queue(string sql, object parameters, Func<int, Exception?>? check = null)
    {
        RequireOpen();
        _queued.Add((sql, parameters, check));
    }

    /// <summary>Sends what is queued, in its order, and checks it.</summary>
    public async Task FlushAsync()
    {
        if (_queued.Count == 0)
        {
            return;
        }
        await using var batch = new NpgsqlBatch(connection, transaction);
        foreach (var (sql, parameters, _) in _queued)
        {
            batch.BatchCommands.Add(ToBatchCommand(sql, parameters));
        }
        await batch.ExecuteNonQueryAsync(cancellationToken);
        for (var index = 0; index < _queued.Count; index++)
        {
            if (_queued[index].Check?.Invoke((int)batch.BatchCommands[index].Rows) is { } failure)
            {
                throw failure;
            }
        }
        _queued.Clear();
    }

    private static NpgsqlBatchCommand ToBatchCommand(string sql, object parameters)
    {
        var command = new NpgsqlBatchCommand(sql);
        foreach (var property in Properties.GetOrAdd(parameters.GetType(), static type => type.GetProperties()))
        {
            command.Parameters.Add(new NpgsqlParameter(property.Name, property.GetValue(parameters) ?? DBNull.Value));
        }
        return command;
    }

    private CommandDefinition Command(string sql, object? parameters)
    {
        RequireOpen();
        return new CommandDefinition(sql, parameters, Transaction, cancellationToken: cancellationToken);
    }
}
