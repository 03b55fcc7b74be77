using Microsoft.Extensions.DependencyInjection;
using Orleans.DOS.Catalog;
using Orleans.DOS.Checks;
using Orleans.DOS.Grains.Tests.Nodes;
using Orleans.DOS.Grains.Tests.Processes;
using Orleans.DOS.Nodes;
using Orleans.DOS.Security;
using Orleans.DOS.Segments;
using Orleans.Runtime;
using Orleans.TestingHost;
using Xunit;

namespace Orleans.DOS.Files;

/// <summary>One silo with the grains of files over a real catalog and logs in memory.</summary>
public abstract class FilesCluster : IAsyncLifetime, INodeView, INodeClients
{
    private static long s_requests;
    private readonly MemoryLogs _logs = new();
    private TestDatabase? _database;
    private IOpenCatalog? _catalog;
    private CountingCatalog? _watched;
    private InProcessTestCluster? _cluster;

    protected abstract Task<TestDatabase> NewDatabaseAsync();

    internal ICatalog Catalog => _catalog!;
    /// <summary>The catalog as the grains see it.</summary>
    internal CountingCatalog Watched => _watched!;
    internal MemoryLogs Logs => _logs;
    internal HashSet<SegmentId> Released => _logs.Released;
    internal LeapingTime Time { get; } = new();
    internal StagedLease Lease { get; } = new();
    internal OwnedObjects Owned { get; } = new(TimeProvider.System);
    internal ICheckGrain Checks => _cluster!.Client.GetGrain<ICheckGrain>(GrainKeys.Machine(MachineId.Main));
    internal INamespaceGrain Names => _cluster!.Client.GetGrain<INamespaceGrain>(GrainKeys.Machine(MachineId.Main));

    internal IFileGrain File(InodeId inode) => _cluster!.Client.GetGrain<IFileGrain>(GrainKeys.File(MachineId.Main, inode));

    /// <summary>As other nodes ask it.</summary>
    internal IFileOwner Owner(InodeId inode) => _cluster!.Client.GetGrain<IFileOwner>(GrainKeys.File(MachineId.Main, inode));

    /// <summary>A call with a request id of its own.</summary>
    internal static CallContext Call() => Call(Interlocked.Increment(ref s_requests));

    internal static CallContext Call(long number) =>
        new() { Machine = MachineId.Main, Principal = Principal.Admin, Request = new RequestId(77, number) };

    /// <summary>Completes when the owner has closed the file by itself.</summary>
    internal Task ClosesAsync(InodeId inode) => _cluster!.WaitForDeactivationAsync(File(inode));

    internal Task CloseAsync(InodeId inode) => _cluster!.DeactivateAsync(File(inode));

    /// <summary>The owner forgets everything and closes nothing, as if its node had died.</summary>
    internal async Task CrashAsync(InodeId inode)
    {
        var closed = _cluster!.TryGetGrainContext(File(inode).GetGrainId(), out _)
            ? _cluster.WaitForDeactivationAsync(File(inode)) : Task.CompletedTask;
        var target = ObjectId.File(inode);
        var epoch = await Catalog.ReadAsync(session => session.QueryFirstAsync<long?>("SELECT epoch FROM dos_owners WHERE object = @target", new { target = target.ToString() }));
        await Owned.DropAsync(target, (epoch ?? 0) + 1);
        if (epoch is not null)
        {
            await closed.WaitAsync(TimeSpan.FromSeconds(20));
        }
    }

    internal async Task<byte[]> ReadAsync(InodeId inode, long position = 0, int count = Limits.FramePayloadBytesMax) =>
        (await Names.ReadAsync(Call(), inode, null, position, count)).Value;

    public async ValueTask InitializeAsync()
    {
        _database = await NewDatabaseAsync();
        _catalog = await CatalogFactory.OpenAsync(_database.Settings);
        _watched = new CountingCatalog(_catalog);
        var builder = new InProcessTestClusterBuilder(1);
        builder.ConfigureSilo((_, silo) => silo.Services
            .AddSingleton<ICatalog>(_watched).AddSingleton<IObjectLogs>(_logs).AddSingleton<TimeProvider>(Time).AddSingleton<FileReader>().AddSingleton<NamespaceWriter>()
            .AddSingleton<INodeView>(this).AddSingleton<INodeLease>(Lease).AddSingleton<INodeClients>(this).AddSingleton<IOwnedObjects>(Owned)
            .AddSingleton<IOwnership, Ownership>().AddSingleton<IPathProvider, NodePaths>().AddChecks());
        _cluster = builder.Build();
        await _cluster.DeployAsync();
    }

    public async ValueTask DisposeAsync()
    {
        if (_cluster is not null)
        {
            await _cluster.DisposeAsync();
        }
        if (_catalog is not null)
        {
            await _catalog.DisposeAsync();
        }
        if (_database is not null)
        {
            await _database.DisposeAsync();
        }
        GC.SuppressFinalize(this);
    }

    NodeId INodeView.Self => new("n-1");
    long INodeView.Incarnation => 1;
    DiskId INodeView.Disk => new("d-1");
    string INodeView.ClusterId => "test";
    IReadOnlyList<NodeId> INodeView.Active => [new("n-1")];
    IReadOnlyDictionary<NodeId, NodeStatus> INodeView.Reports { get; } = new Dictionary<NodeId, NodeStatus>
    {
        [new("n-1")] = new NodeStatus { Id = new("n-1"), State = NodeState.Ready },
    };
    Task INodeView.NextChange { get; } = new TaskCompletionSource().Task;

    bool INodeView.TryGetAddress(NodeId node, out SiloAddress address)
    {
        address = SiloAddress.Zero;
        return false;
    }

    bool INodeView.IsFenced(NodeId node, long incarnation) => node.Value == "n-fenced";
    ISegmentService INodeClients.Segments(NodeId node) => throw Unreachable(node);
    Processes.IProgramHostService INodeClients.Programs(NodeId node) => throw Unreachable(node);
    INodeService INodeClients.Node(NodeId node) => throw Unreachable(node);

    private static DosException Unreachable(NodeId node) => new(DosErrorCode.Unavailable, $"node {node} is not Active");
}

public sealed class SqliteFiles : FilesCluster
{
    protected override Task<TestDatabase> NewDatabaseAsync() => Task.FromResult<TestDatabase>(new SqliteTestDatabase());
}

public sealed class PostgresFiles(SharedPostgres shared) : FilesCluster
{
    protected override async Task<TestDatabase> NewDatabaseAsync() => await PostgresTestDatabase.CreateAsync(await shared.ServerAsync());
}
