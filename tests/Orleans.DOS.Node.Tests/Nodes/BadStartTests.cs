using System.Net;
using System.Net.Sockets;
using Microsoft.Data.Sqlite;
using Orleans.DOS.Node.Tests.Harness;
using Xunit;

namespace Orleans.DOS.Node.Tests.Nodes;

/// <summary>A node that cannot start says why in one sentence with its code, and ends with a code that tells whether to try again.</summary>
[Collection(RealNodes.Name)]
public sealed class BadStartTests : IAsyncDisposable
{
    private static readonly TimeSpan Deadline = TimeSpan.FromSeconds(30);
    private readonly string _data = Path.Combine(Path.GetTempPath(), $"dos-test-{Guid.NewGuid():N}");
    private readonly List<TestNode> _nodes = [];

    [Theory]
    [InlineData("there is no option '--nonsense'", "--nonsense", "1")]
    [InlineData("--http-port must be a number", "--http-port", "many")]
    [InlineData("--http-port must be between", "--http-port", "70000")]
    [InlineData("--cpus needs a value", "--cpus")]
    [InlineData("--listen must be an IP address", "--listen", "everywhere")]
    [InlineData("--label must be key=value", "--label", "fast")]
    [InlineData("a route must be ADDRESS:PORT=ADDRESS:PORT", "--route", "127.0.0.1:1=elsewhere")]
    [InlineData("there are two routes to 127.0.0.1:1", "--route", "127.0.0.1:1=127.0.0.1:2", "--route", "127.0.0.1:1=127.0.0.1:3")]
    [InlineData("is not a node name", "--name", "../n1")]
    [InlineData("connection string is malformed", "--postgres", "nonsense")]
    public Task WrongOption_IsRefusedWithTwo(string sentence, params string[] arguments) => RefusedAsync(2, "InvalidArgument", sentence, arguments);

    [Fact]
    public async Task SecondProcess_OnOneDirectory_IsRefused()
    {
        var first = Node("n1");
        first.Start();
        await first.ReadyAsync(TestNodes.StartDeadline);
        await RefusedAsync(3, "InUse", "another process runs node 'n1'");
        Assert.False(first.HasExited);
    }

    [Fact]
    public async Task PortInUse_IsRefused()
    {
        using var listener = new TcpListener(IPAddress.Loopback, 0);
        listener.Start();
        var port = ((IPEndPoint)listener.LocalEndpoint).Port.ToString(System.Globalization.CultureInfo.InvariantCulture);
        await RefusedAsync(3, "PortInUse", $"HTTP port {port} of 127.0.0.1 is in use", "--http-port", port);
    }

    [Fact]
    public Task DatabaseAway_IsUnavailable() =>
        RefusedAsync(4, "Unavailable", "", "--postgres", "Host=127.0.0.1;Port=1;Username=dos;Password=dos;Database=dos;Timeout=2");

    [Fact]
    public async Task NoMigrate_IsRefusedUntilTheSchemaIsThere()
    {
        await RefusedAsync(3, "SchemaTooOld", "", "--no-migrate");
        var migrating = Node("n1", "--migrate-only");
        migrating.Start();
        Assert.Equal(0, await migrating.ExitAsync(Deadline));
        var node = Node("n1", "--no-migrate");
        node.Start();
        await node.ReadyAsync(TestNodes.StartDeadline);
    }

    [Fact]
    public async Task NewerSchema_IsRefused()
    {
        await StartedOnceAsync();
        await ExecuteAsync("INSERT INTO dos_schema(version, oldest_release, applied_at) VALUES (9999, '99.0.0', 0)");
        await RefusedAsync(3, "SchemaTooNew", "99.0.0");
    }

    [Fact]
    public async Task CatalogOfAnotherCluster_IsRefused()
    {
        await StartedOnceAsync();
        foreach (var file in Directory.GetFiles(_data, "catalog.db*"))
        {
            System.IO.File.Delete(file);
        }
        await RefusedAsync(3, "WrongCluster", "belongs to cluster");
    }

    public async ValueTask DisposeAsync()
    {
        foreach (var node in _nodes)
        {
            await node.DisposeAsync();
        }
        if (Directory.Exists(_data))
        {
            Directory.Delete(_data, recursive: true);
        }
    }

    private async Task StartedOnceAsync()
    {
        var node = Node("n1");
        node.Start();
        await node.ReadyAsync(TestNodes.StartDeadline);
        node.Terminate();
        await node.ExitAsync(TimeSpan.FromSeconds(10));
    }

    private async Task RefusedAsync(int exitCode, string code, string sentence, params string[] arguments)
    {
        var node = Node("n1", arguments);
        node.Start();
        Assert.Equal(exitCode, await node.ExitAsync(Deadline));
        var told = Assert.Single(node.Log.Split('\n'), line => line.StartsWith("dos node: ", StringComparison.Ordinal));
        Assert.Contains(sentence, told, StringComparison.Ordinal);
        Assert.EndsWith($"({code})", told, StringComparison.Ordinal);
        Assert.DoesNotContain("   at ", node.Log, StringComparison.Ordinal);
    }

    private async Task ExecuteAsync(string sql)
    {
        await using var connection = new SqliteConnection($"Data Source={Path.Combine(_data, "catalog.db")};Pooling=false");
        await connection.OpenAsync();
        await using var command = connection.CreateCommand();
        command.CommandText = sql;
        await command.ExecuteNonQueryAsync();
    }

    private TestNode Node(string name, params string[] arguments)
    {
        var node = new TestNode(name, _data, arguments);
        _nodes.Add(node);
        return node;
    }
}
