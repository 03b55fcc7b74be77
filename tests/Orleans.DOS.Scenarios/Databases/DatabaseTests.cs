using Microsoft.Data.Sqlite;
using Npgsql;
using Orleans.DOS.Catalog;
using Orleans.DOS.Scenarios.Harness;

namespace Orleans.DOS.Scenarios.Databases;

/// <summary><c>dos db migrate</c>, further nodes and refusals, on each of the two databases.</summary>
public abstract class DatabaseTests : IAsyncLifetime
{
    private protected OwnNodes Nodes { get; } = new();

    /// <summary>Options by which a command finds the database; empty: SQLite in the directory.</summary>
    private protected abstract string Options { get; }

    public virtual ValueTask InitializeAsync() => ValueTask.CompletedTask;
    public virtual ValueTask DisposeAsync() => Nodes.DisposeAsync();

    [Fact]
    public async Task Migrate_MakesTheSchemaThatNodesThenUse_AndRefusesANewerOne()
    {
        var told = Assert.Single(await Nodes.SucceedAsync($"dos db migrate {Options}"));
        var again = Assert.Single(await Nodes.SucceedAsync($"dos db migrate --json {Options}"));
        Assert.Equal($$"""{"result":"{{told}}"}""", again);
        Assert.Matches("^schema [1-9][0-9]* of cluster c-[0-9a-f]+ is up to date$", told);

        await Nodes.SucceedAsync($"dos up -d {Options}");
        Assert.Contains(told.Split(' ')[4], await Nodes.SucceedAsync("dos status --json | cut -d'\"' -f4"));
        await Nodes.SucceedAsync("dos down");

        await ExecuteAsync("INSERT INTO dos_schema(version, oldest_release, applied_at) VALUES (9999, '99.0.0', 0)");
        await Nodes.RefuseAsync($"dos up -d {Options}", 3, "SchemaTooNew", "node node1: <...>99.0.0<...>");
        await Nodes.RefuseAsync($"dos db migrate {Options}", 3, "SchemaTooNew", "<...>99.0.0<...>");
        await Nodes.RefuseAsync($"dos node start {Options}", 3, "SchemaTooNew", "<...>99.0.0<...>");
        Assert.Empty(HostProcesses.Naming(Nodes.Data));
    }

    [Fact]
    public async Task NodeStart_WithJoin_AddsANode_ButOnlyToTheClusterMeant()
    {
        await Nodes.SucceedAsync($"dos up -d {Options}");
        await using var other = new OwnNodes();
        await other.SucceedAsync("dos up -d");

        await Nodes.RefuseAsync($"dos node start --join {other.Up("node1")!.Url} {Options}", 1, "Unauthenticated", "the token of <...> is not told to <...>");
        await Nodes.RefuseAsync($"dos node start --join {other.Up("node1")!.Url} --credential \"$DOS_DATA/credential\" {Options}", 1, "Unauthenticated", "the bearer token is not known here");
        await Nodes.RefuseAsync("dos node start --join nonsense", 2, "InvalidArgument", "'nonsense' is no address of a node");
        await Nodes.RefuseAsync("dos node start --join http://127.0.0.1:1 --credential \"$DOS_DATA/credential\"", 4, "Unavailable", "no node answers at http://127.0.0.1:1");
        await WrongDatabaseAsync();

        // Its end of input is there long before a node that may run it.
        await Nodes.SucceedAsync("(dos run --label zone=b cat </dev/null; echo $? >waited) >/dev/null 2>&1 &");
        await Poll.UntilAsync(async () => (await Nodes.SucceedAsync("dos ps")).Any(line => line.Contains("Pending") && line.EndsWith("cat")), OwnNodes.ComeBackMax);
        await Nodes.SucceedAsync($"dos node start --join {Nodes.Up("node1")!.Url} {Options} --label zone=b >joined 2>&1 & echo $! >joined.pid");
        var joined = await Nodes.UpAgainAsync("node2", before: 0);
        await Poll.UntilAsync(async () => (await Nodes.SucceedAsync("dos status")).Contains("nodes     2 ready of 2"), OwnNodes.ComeBackMax);
        Assert.Single(await Nodes.SucceedAsync("dos node ls --json | grep '\"zone\":\"b\"'"));
        await Poll.UntilAsync(async () => (await Nodes.SucceedAsync("cat waited || true")).Contains("0"), OwnNodes.ComeBackMax);
        // TERM to the command ends its node.
        await Nodes.SucceedAsync("kill $(cat joined.pid)");
        await Poll.UntilAsync(() => Task.FromResult(!HostProcesses.IsAlive(joined.Pid)), OwnNodes.ComeBackMax);
        await Poll.UntilAsync(async () => (await Nodes.SucceedAsync("dos status")).Contains("nodes     1 ready of 2"), OwnNodes.ComeBackMax);
    }

    private protected abstract Task WrongDatabaseAsync();
    private protected abstract Task ExecuteAsync(string sql);
}

public sealed class SqliteTests : DatabaseTests
{
    private protected override string Options => "";

    private protected override Task WrongDatabaseAsync() => Nodes.RefuseAsync(
        $"dos node start --join {Nodes.Up("node1")!.Url} --postgres 'Host=127.0.0.1'", 2, "InvalidArgument", "cluster <...> keeps its catalog in SQLite, not in PostgreSQL");

    private protected override async Task ExecuteAsync(string sql)
    {
        await using var connection = new SqliteConnection($"Data Source={Path.Combine(Nodes.Data, "catalog.db")};Pooling=false");
        await connection.OpenAsync();
        await using var command = new SqliteCommand(sql, connection);
        await command.ExecuteNonQueryAsync();
    }
}

public sealed class PostgresTests(PostgresFixture postgres) : DatabaseTests, IClassFixture<PostgresFixture>
{
    private string _database = "";

    private protected override string Options => $"--postgres '{_database}'";

    public override async ValueTask InitializeAsync()
    {
        if (PostgresServer.Binaries is null)
        {
            // What is skipped here is not disposed of.
            await DisposeAsync();
            Assert.Skip("PostgreSQL is not installed");
        }
        _database = await postgres.CreateDatabaseAsync();
    }

    [Fact]
    public async Task Directory_OfOneCluster_IsRefusedToAnother()
    {
        await Nodes.SucceedAsync($"dos up -d {Options} && dos down");
        var other = await postgres.CreateDatabaseAsync();
        await Nodes.RefuseAsync($"dos up -d --postgres '{other}'", 3, "WrongCluster", "node node1: <...>belongs to cluster<...>");
        await Nodes.RefuseAsync("dos up -d", 3, "WrongCluster", "node node1: <...>belongs to cluster<...>");
        await Nodes.SucceedAsync($"dos up -d {Options}");
    }

    [Fact]
    public async Task DatabaseAway_IsToldInOneSentence_AndNothingIsLost()
    {
        await Nodes.RefuseAsync("dos up -d --postgres 'Host=127.0.0.1;Port=1;Username=dos;Password=dos;Database=dos;Timeout=2'", 4, "Unavailable", "node node1: <...>");
        await Nodes.RefuseAsync("dos up -d --postgres nonsense", 2, "InvalidArgument", "node node1: <...>");
        await Nodes.RefuseAsync("dos db migrate --postgres 'Host=127.0.0.1;Port=1;Username=dos;Password=dos;Database=dos;Timeout=2'", 4, "Unavailable");
        Assert.Empty(HostProcesses.Naming(Nodes.Data));

        await Nodes.SucceedAsync($"dos up -d {Options} && echo kept | dos fs put - /kept");
        await postgres.StopAsync();
        try
        {
            await Nodes.RefuseAsync("dos fs ls /", 4, "Unavailable");
            // Of a change whose answer did not come in time it is said that its outcome is unknown.
            await Nodes.RefuseAsync("dos run true", 4, "<...>");
            await Nodes.RefuseAsync("dos fs mkdir /lost", 4, "<...>");
        }
        finally
        {
            await postgres.StartAgainAsync();
        }
        await Poll.UntilAsync(async () => (await Nodes.Shell.RunAsync("dos fs ls /", TestContext.Current.CancellationToken)).ExitCode == 0, OwnNodes.ComeBackMax);
        Assert.Equal(["kept"], await Nodes.SucceedAsync("dos fs cat /kept"));
    }

    private protected override Task WrongDatabaseAsync() => Nodes.RefuseAsync(
        $"dos node start --join {Nodes.Up("node1")!.Url}", 2, "InvalidArgument", "cluster <...> keeps its catalog in postgres<...>; name it with --postgres");

    private protected override async Task ExecuteAsync(string sql)
    {
        await using var source = NpgsqlDataSource.Create(_database + ";Pooling=false");
        await using var command = source.CreateCommand(sql);
        await command.ExecuteNonQueryAsync();
    }
}

/// <summary>One server for the tests of a class; none where PostgreSQL is not installed.</summary>
public sealed class PostgresFixture : IAsyncLifetime
{
    private PostgresServer? _server;

    public async ValueTask InitializeAsync() => _server = PostgresServer.Binaries is null ? null : await PostgresServer.StartAsync();
    public async ValueTask DisposeAsync() => await (_server?.DisposeAsync() ?? ValueTask.CompletedTask);

    public Task<string> CreateDatabaseAsync() => _server!.CreateDatabaseAsync();
    public Task StopAsync() => _server!.StopAtOnceAsync();
    public Task StartAgainAsync() => _server!.StartAgainAsync();
}
