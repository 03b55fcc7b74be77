using System.Data.Common;
using Microsoft.Data.Sqlite;
using Npgsql;
using Orleans.DOS.Catalog;
using Orleans.DOS.Client;
using Orleans.DOS.Client.Http;
using Orleans.DOS.Machines;
using Xunit;

namespace Orleans.DOS.Node.Tests.Harness;

/// <summary>Three nodes that the tests of a collection share; whoever killed one heals the cluster for the next.</summary>
public abstract class ThreeNodes : IAsyncLifetime
{
    private readonly List<IAsyncDisposable> _clients = [];
    private TestNodes? _nodes;
    private Task<IMachine>? _orleans;

    public TestNodes Nodes => _nodes ?? throw new InvalidOperationException("the nodes are not started");

    /// <summary>Whether this host has what the nodes need.</summary>
    public virtual bool CanRun => true;

    public virtual async ValueTask InitializeAsync()
    {
        if (CanRun)
        {
            _nodes = await TestNodes.StartAsync(3, await CatalogAsync());
        }
    }

    public virtual async ValueTask DisposeAsync()
    {
        foreach (var client in _clients)
        {
            await client.DisposeAsync();
        }
        if (_nodes is not null)
        {
            await _nodes.DisposeAsync();
        }
        GC.SuppressFinalize(this);
    }

    /// <summary>A client that knows all doors and asks the node at <paramref name="first"/> first.</summary>
    public HttpMachine Http(int first = 0) => HttpMachine.Create(new HttpMachineOptions { Urls = Urls(first), Token = Nodes.Credential });

    /// <summary>One client over Orleans for all tests that do not disturb it.</summary>
    public Task<IMachine> SharedOrleansAsync() => _orleans ??= OrleansAsync();

    /// <summary>A client over Orleans; it ends with the collection.</summary>
    public async Task<IMachine> OrleansAsync()
    {
        var builder = Microsoft.Extensions.Hosting.Host.CreateApplicationBuilder();
        builder.Services.AddDosClient(client => client.UseOrleans(Urls(0), Nodes.Credential));
        var host = builder.Build();
        _clients.Add(new Client(host));
        await host.StartAsync();
        return (IMachine)host.Services.GetService(typeof(IMachine))!;
    }

    /// <summary>Starts what a test killed, and waits until all see all.</summary>
    public async Task HealAsync()
    {
        foreach (var node in Nodes.All.Where(node => node.HasExited))
        {
            node.Start();
        }
        await Nodes.ReadyAsync();
    }

    /// <summary>Connection string of PostgreSQL, or null for SQLite.</summary>
    protected abstract Task<string?> CatalogAsync();

    /// <summary>A connection of the test's own to the catalog, to look what stands there.</summary>
    public abstract DbConnection OpenCatalog();

    private Uri[] Urls(int first) => [.. Enumerable.Range(first, 3).Select(number => new Uri(Nodes[number % 3].Url))];

    private sealed class Client(Microsoft.Extensions.Hosting.IHost host) : IAsyncDisposable
    {
        public async ValueTask DisposeAsync()
        {
            await host.StopAsync();
            host.Dispose();
        }
    }
}

public class SqliteNodes : ThreeNodes
{
    protected override Task<string?> CatalogAsync() => Task.FromResult<string?>(null);

    public override DbConnection OpenCatalog() => new SqliteConnection($"Data Source={Path.Combine(Nodes.Data, "catalog.db")};Mode=ReadOnly");
}

public class PostgresNodes : ThreeNodes
{
    private PostgresServer? _server;
    private string? _database;

    public override bool CanRun => PostgresServer.Binaries is not null;

    public override async ValueTask DisposeAsync()
    {
        await base.DisposeAsync();
        if (_server is not null)
        {
            await _server.DisposeAsync();
        }
        GC.SuppressFinalize(this);
    }

    protected override async Task<string?> CatalogAsync()
    {
        _server = await PostgresServer.StartAsync();
        return _database = await _server.CreateDatabaseAsync();
    }

    public override DbConnection OpenCatalog() => new NpgsqlConnection(_database);
}

[CollectionDefinition(Name)]
public sealed class OnSqlite : ICollectionFixture<SqliteNodes>
{
    public const string Name = "three nodes on SQLite";
}

[CollectionDefinition(Name)]
public sealed class OnPostgres : ICollectionFixture<PostgresNodes>
{
    public const string Name = "three nodes on PostgreSQL";
}
