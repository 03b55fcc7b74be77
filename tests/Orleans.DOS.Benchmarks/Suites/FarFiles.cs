using System.Diagnostics;
using Orleans.DOS.Files;
using Orleans.DOS.Machines;
using Orleans.DOS.Nodes;
using Orleans.DOS.Security;
using Orleans.Runtime;

namespace Orleans.DOS.Benchmarks.Suites;

/// <summary>
/// Files with one replica on another node than their owner. An owner puts the only replica on its own node as long as it may, so one
/// node is cordoned while this lives: what it owns lies elsewhere.
/// </summary>
internal sealed class FarFiles : IAsyncDisposable
{
    private static readonly TimeSpan Deadline = TimeSpan.FromSeconds(60);
    private readonly IMachine _machine;
    private readonly IClusterClient _client;
    private readonly NodeId _cordoned;
    private readonly CallContext _context;

    private FarFiles(IMachine machine, IClusterClient client, NodeId cordoned, CallContext context) =>
        (_machine, _client, _cordoned, _context) = (machine, client, cordoned, context);

    public static async Task<FarFiles> BeginAsync(IMachine machine, IClusterClient client, CallContext context)
    {
        var nodes = await machine.Nodes.ListAsync();
        var far = new FarFiles(machine, client, nodes[0].Id, context);
        await far.CordonAsync(true);
        return far;
    }

    /// <summary>Paths of files with a replica each on one of the nodes that are not their owner, a different one for each.</summary>
    public async Task<IReadOnlyList<string>> MakeAsync(string directory, int count, CancellationToken cancellation)
    {
        var found = new Dictionary<NodeId, string>();
        var watch = Stopwatch.StartNew();
        for (var number = 0; found.Count < count; number++)
        {
            if (watch.Elapsed > Deadline)
            {
                throw new InvalidOperationException($"no {count} files with a replica away from their owner within {Deadline}");
            }
            var path = $"{directory}/{number}";
            await using var handle = await _machine.Files.OpenAsync(path, new FileOpenOptions { Create = true, Replicas = 1 }, cancellation);
            await handle.AppendAsync(new byte[Limits.InlineBytesMax + 1], cancellation);
            var replica = (await handle.LocateAsync(cancellation))[0].Nodes[0];
            if (await OwnerAsync(handle.Inode) == _cordoned && replica != _cordoned)
            {
                found.TryAdd(replica, path);
            }
        }
        return [.. found.Values];
    }

    public async ValueTask DisposeAsync() => await CordonAsync(false);

    private async Task<NodeId> OwnerAsync(InodeId inode)
    {
        var management = _client.GetGrain<IManagementGrain>(0);
        var address = await management.GetActivationAddress(_client.GetGrain<IFileGrain>(GrainKeys.File(_context.Machine, inode)));
        return new NodeId((await management.GetDetailedHosts(true)).First(host => host.SiloAddress.Equals(address)).SiloName);
    }

    private Task CordonAsync(bool cordoned) =>
        _client.GetGrain<IClusterSettingsGrain>(GrainKeys.Cluster("settings")).CordonAsync(_context, _cordoned, cordoned);
}
