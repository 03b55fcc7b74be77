using Orleans.DOS.Client.Http;
using Orleans.DOS.Machines;
using Orleans.DOS.Node.Tests.Harness;
using Xunit;

namespace Orleans.DOS.Node.Tests.Crashes;

/// <summary>What outlives SIGKILL of a node, seen by a client that knows all doors.</summary>
public abstract partial class CrashTests(ThreeNodes three, bool onlyInFullDose) : IAsyncLifetime
{
    private HttpMachine? _client;

    private TestNodes Nodes => three.Nodes;
    private IMachine Machine => _client!;
    private string Root { get; } = $"/crash-{Guid.NewGuid():n}";

    public async ValueTask InitializeAsync()
    {
        Assert.SkipWhen(onlyInFullDose && !RealNodes.FullDose, "DOS_TEST_DOSE is not 'full'");
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

// Only in the full dose while recovery takes longer than the promised 8 s (README, what is not promised): they fail there, as they must.
[Collection(OnSqlite.Name)]
public sealed class CrashesOnSqlite(SqliteNodes nodes) : CrashTests(nodes, onlyInFullDose: true);

[Collection(OnPostgres.Name)]
public sealed class CrashesOnPostgres(PostgresNodes nodes) : CrashTests(nodes, onlyInFullDose: true);
