using Orleans.DOS.Client.Http;
using Orleans.DOS.Machines;
using Orleans.DOS.Node.Tests.Harness;
using Xunit;

namespace Orleans.DOS.Node.Tests.Crashes;

/// <summary>What outlives SIGKILL of a node, seen by a client that knows all doors.</summary>
public abstract partial class CrashTests(ThreeNodes three) : IAsyncLifetime
{
    private HttpMachine? _client;

    private TestNodes Nodes => three.Nodes;
    private IMachine Machine => _client!;
    private string Root { get; } = $"/crash-{Guid.NewGuid():n}";

    /// <summary>Whether these tests are only in the full dose.</summary>
    protected virtual bool IsLong => false;

    public async ValueTask InitializeAsync()
    {
        Assert.SkipUnless(RealNodes.FullDose || !IsLong, "only with DOS_TEST_DOSE=full");
        Assert.SkipUnless(three.CanRun, "PostgreSQL is not installed");
        await three.HealAsync();
        _client = three.Http();
        await Machine.Files.MakeDirectoryAsync(Root);
    }

    public ValueTask DisposeAsync()
    {
        _client?.Dispose();
        GC.SuppressFinalize(this);
        return ValueTask.CompletedTask;
    }

    private static async Task KillAsync(TestNode node)
    {
        node.Kill();
        await node.ExitAsync(TimeSpan.FromSeconds(5));
    }

    private TestNode NodeOf(NodeId id) => Nodes.All.Single(node => node.NodeId == id.Value);
}

/// <remarks>The suite kills nodes over SQLite in its chaos; all of this twice would take it past its 20 minutes.</remarks>
[Collection(OnSqlite.Name)]
public sealed class CrashesOnSqlite(SqliteNodes nodes) : CrashTests(nodes)
{
    protected override bool IsLong => true;
}

[Collection(OnPostgres.Name)]
public sealed class CrashesOnPostgres(PostgresNodes nodes) : CrashTests(nodes);
