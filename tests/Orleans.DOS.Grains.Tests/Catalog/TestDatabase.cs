[assembly: Xunit.AssemblyFixture(typeof(Orleans.DOS.Catalog.SharedPostgres))]

namespace Orleans.DOS.Catalog;

/// <summary>One PostgreSQL server for all tests of this assembly that ask for it; each test has a database of its own.</summary>
public sealed class SharedPostgres : IAsyncDisposable
{
    private readonly Lazy<Task<PostgresServer>> server = new(PostgresServer.StartAsync);

    public Task<PostgresServer> ServerAsync() => server.Value;

    public async ValueTask DisposeAsync()
    {
        if (server.IsValueCreated)
        {
            await (await server.Value).DisposeAsync();
        }
    }
}

/// <summary>An empty database for one test, and a way to take it away.</summary>
public abstract class TestDatabase : IAsyncDisposable
{
    public abstract CatalogSettings Settings { get; }

    /// <summary>From now on every access fails, until <see cref="BringBackAsync"/>.</summary>
    public abstract Task TakeAwayAsync();

    public abstract Task BringBackAsync();

    public abstract ValueTask DisposeAsync();
}

public sealed class SqliteTestDatabase : TestDatabase
{
    private readonly DirectoryInfo directory = Directory.CreateTempSubdirectory("dos-catalog-");

    public string FilePath => System.IO.Path.Combine(directory.FullName, "catalog.db");

    public override CatalogSettings Settings => CatalogSettings.Sqlite(FilePath);

    public override Task TakeAwayAsync()
    {
        Directory.Move(directory.FullName, directory.FullName + ".away");
        return Task.CompletedTask;
    }

    public override Task BringBackAsync()
    {
        Directory.Move(directory.FullName + ".away", directory.FullName);
        return Task.CompletedTask;
    }

    public override ValueTask DisposeAsync()
    {
        Microsoft.Data.Sqlite.SqliteConnection.ClearAllPools();
        directory.Delete(recursive: true);
        return ValueTask.CompletedTask;
    }
}

public sealed class PostgresTestDatabase : TestDatabase
{
    private readonly PostgresServer server;
    private readonly string connectionString;
    private readonly bool ownsServer;

    private PostgresTestDatabase(PostgresServer server, string connectionString, bool ownsServer)
    {
        this.server = server;
        this.connectionString = connectionString;
        this.ownsServer = ownsServer;
    }

    public static async Task<PostgresTestDatabase> CreateAsync(PostgresServer server, bool ownsServer = false) =>
        new(server, await server.CreateDatabaseAsync(), ownsServer);

    public override CatalogSettings Settings => CatalogSettings.Postgres(connectionString);

    public override Task TakeAwayAsync() => server.StopAtOnceAsync();

    public override Task BringBackAsync() => server.StartAgainAsync();

    public override ValueTask DisposeAsync() => ownsServer ? server.DisposeAsync() : ValueTask.CompletedTask;
}
