using System.Diagnostics;
using Microsoft.AspNetCore.Builder;
using Microsoft.Extensions.DependencyInjection;
using Microsoft.Extensions.Hosting;
using Microsoft.Extensions.Logging;
using Orleans.Core.Internal;
using Orleans.DOS.Catalog;
using Orleans.DOS.Client.Http;
using Orleans.DOS.Machines;
using Orleans.DOS.Nodes;
using Orleans.DOS.Processes;
using Orleans.DOS.Security;
using Orleans.DOS.Server;
using Orleans.Runtime;
using Xunit;

namespace Orleans.DOS.Grains.Tests.Processes;

/// <summary>
/// Two whole nodes, composed as in production, in this process: real silos, segments, workers and HTTP doors over a real catalog.
/// Only catalog, view and clients are decorated, so that a test can count, pretend and step in.
/// </summary>
public abstract class NodesInProcess : IAsyncLifetime
{
    public static readonly TimeSpan Patience = TimeSpan.FromSeconds(60);
    private static long s_requests;
    private readonly string _directory = Directory.CreateTempSubdirectory("dos-np-").FullName;
    private readonly List<WebApplication> _nodes = [];
    private readonly List<HttpMachine> _doors = [];

    internal Stage Stage { get; } = new();
    internal TaskWatch Tasks { get; } = new();
    internal List<CountingCatalog> Catalogs { get; } = [];
    internal IMachine Machine => _doors[0];
    internal IGrainFactory Grains => _nodes[0].Services.GetRequiredService<IGrainFactory>();
    internal ICatalog Catalog => Catalogs[0];
    internal IEnumerable<string> Commits => Catalogs.SelectMany(catalog => catalog.Commits);
    internal IReadOnlyList<NodeId> NodeIds => [.. _nodes.Select(node => node.Services.GetRequiredService<INodeView>().Self)];

    /// <summary>Connection string of an empty PostgreSQL database; null for SQLite.</summary>
    protected abstract Task<string?> PostgresAsync();

    internal static CallContext Call() => Call(Interlocked.Increment(ref s_requests));

    internal static CallContext Call(long number) =>
        new() { Machine = MachineId.Main, Principal = Principal.Admin, Request = new RequestId(991, number) };

    internal IProcessTableGrain Table => Grains.GetGrain<IProcessTableGrain>(GrainKeys.Machine(MachineId.Main));
    /// <summary>The table's door on one node.</summary>
    internal IProcessTableGrain TableAt(int node) =>
        _nodes[node].Services.GetRequiredService<IGrainFactory>().GetGrain<IProcessTableGrain>(GrainKeys.Machine(MachineId.Main));
    internal IProcessGrain Process(ProcessId pid) => Grains.GetGrain<IProcessGrain>(GrainKeys.Process(MachineId.Main, pid));
    internal IProcessDoor Door(ProcessId pid) => Grains.GetGrain<IProcessDoor>(GrainKeys.Process(MachineId.Main, pid));
    internal ProcessWarden Warden(int node) => _nodes[node].Services.GetServices<IHostedService>().OfType<ProcessWarden>().Single();

    internal T Service<T>() where T : notnull => _nodes[0].Services.GetRequiredService<T>();

    /// <summary>A warden that nothing drives but the test.</summary>
    internal ProcessWarden NewWarden(int node, ICatalog catalog)
    {
        var services = _nodes[node].Services;
        return new ProcessWarden(
            catalog, services.GetRequiredService<INodeView>(), services.GetRequiredService<INodeClients>(), services.GetRequiredService<ProcessLauncher>(),
            TimeProvider.System, services.GetRequiredService<ILogger<ProcessWarden>>());
    }

    internal void ForgetOutput(ProcessId pid, long incarnation)
    {
        foreach (var node in _nodes)
        {
            node.Services.GetRequiredService<ProgramHost>().Forget(pid, incarnation);
        }
    }

    internal int TasksRunning => _nodes.Sum(node => node.Services.GetRequiredService<ProgramHost>().Tasks);

    /// <summary>What workers keep on the local disks of all nodes.</summary>
    internal IEnumerable<string> ScratchFiles => _nodes
        .Select(node => Path.Combine(node.Services.GetRequiredService<WorkerEndpoint>().RunDirectory, "scratch")).Where(Directory.Exists)
        .SelectMany(scratch => Directory.EnumerateFiles(scratch, "*", SearchOption.AllDirectories));

    /// <summary>SIGSTOP for every worker of a node: what runs in them hangs.</summary>
    internal void FreezeWorkers(NodeId node)
    {
        var ids = _nodes.Select(app => app.Services).Single(services => services.GetRequiredService<INodeView>().Self == node).GetRequiredService<ProgramHost>().HostProcessIds;
        using var kill = System.Diagnostics.Process.Start("kill", ["-STOP", .. ids.Select(id => id.ToString(System.Globalization.CultureInfo.InvariantCulture))]);
        kill.WaitForExit();
    }

    /// <summary>SIGKILL for every worker of a node.</summary>
    internal void KillWorkers(NodeId node)
    {
        var services = _nodes.Single(app => app.Services.GetRequiredService<INodeView>().Self == node).Services;
        foreach (var id in services.GetRequiredService<ProgramHost>().HostProcessIds)
        {
            try
            {
                using var worker = System.Diagnostics.Process.GetProcessById(id);
                worker.Kill();
            }
            catch (ArgumentException)
            {
                // It has just ended.
            }
        }
    }

    /// <summary>Deactivates every grain of ours on every node, also those that are being called.</summary>
    internal async Task<int> DeactivateAllAsync()
    {
        var management = Grains.GetGrain<IManagementGrain>(0);
        var count = 0;
        foreach (var grain in await management.GetDetailedGrainStatistics())
        {
            if (grain.GrainId.Type.ToString()!.StartsWith("dos.", StringComparison.Ordinal))
            {
                await Grains.GetGrain(grain.GrainId).AsReference<IGrainManagementExtension>().DeactivateOnIdle();
                count++;
            }
        }
        return count;
    }

    public async ValueTask InitializeAsync()
    {
        var postgres = await PostgresAsync();
        foreach (var name in new[] { "n1", "n2" })
        {
            await StartNodeAsync(name, postgres);
        }
        await Poll.UntilAsync(
            () => Task.FromResult(_nodes.All(node => node.Services.GetRequiredService<INodeView>().Reports.Count(report => report.Value.State == NodeState.Ready) == _nodes.Count)), Patience);
    }

    public async ValueTask DisposeAsync()
    {
        foreach (var door in _doors)
        {
            door.Dispose();
        }
        foreach (var node in Enumerable.Reverse(_nodes))
        {
            await node.StopAsync();
            await node.DisposeAsync();
        }
        Microsoft.Data.Sqlite.SqliteConnection.ClearAllPools();
        Directory.Delete(_directory, recursive: true);
        GC.SuppressFinalize(this);
    }

    private async Task StartNodeAsync(string name, string? postgres)
    {
        var builder = WebApplication.CreateSlimBuilder(new WebApplicationOptions { ContentRootPath = AppContext.BaseDirectory });
        builder.Logging.ClearProviders();
        if (Environment.GetEnvironmentVariable("DOS_TEST_LOG") is not null)
        {
            builder.Logging.AddSimpleConsole().SetMinimumLevel(LogLevel.Warning);
        }
        builder.AddDosNode(options =>
        {
            (options.DataDirectory, options.Name, options.Postgres, options.Cpus, options.NodesDeclared) = (_directory, name, postgres, 2, 2);
        });
        var services = builder.Services;
        var catalog = new CountingCatalog((ICatalog)services.Last(service => service.ServiceType == typeof(ICatalog)).ImplementationInstance!);
        Catalogs.Add(catalog);
        services.AddSingleton<ICatalog>(catalog);
        services.AddSingleton<INodeView>(provider => new StagedView(provider.GetRequiredService<NodeView>(), Stage));
        services.AddSingleton<INodeLease>(provider => new StagedNodeLease(provider.GetRequiredService<LeaseKeeper>(), Stage));
        services.AddSingleton<INodeClients>(provider => new WatchedClients(new NodeClients(provider.GetRequiredService<INodeView>(), provider), Tasks));
        var app = builder.Build();
        app.MapDosNode();
        await app.StartAsync();
        _nodes.Add(app);
        _doors.Add(HttpMachine.Create(new HttpMachineOptions
        {
            UnixSocketPath = app.Services.GetRequiredService<WorkerEndpoint>().ApiSocketPath,
            Token = (await File.ReadAllTextAsync(Path.Combine(_directory, "credential"))).Trim(),
        }));
    }
}

public sealed class SqliteNodes : NodesInProcess
{
    protected override Task<string?> PostgresAsync() => Task.FromResult<string?>(null);
}

public sealed class PostgresNodes(SharedPostgres shared) : NodesInProcess
{
    protected override async Task<string?> PostgresAsync() => await (await shared.ServerAsync()).CreateDatabaseAsync();
}

[CollectionDefinition(Name)]
public sealed class SqliteNodesCollection : ICollectionFixture<SqliteNodes>
{
    public const string Name = "nodes over SQLite";
}

[CollectionDefinition(Name)]
public sealed class PostgresNodesCollection : ICollectionFixture<PostgresNodes>
{
    public const string Name = "nodes over PostgreSQL";
}
