using Orleans.DOS.Security;

namespace Orleans.DOS.Nodes;

/// <summary>The stored form of the cluster's settings.</summary>
[GenerateSerializer, Alias("dos.ClusterSettings")]
public sealed class ClusterSettings
{
    [Id(0)] public int Version { get; set; } = 1;
    [Id(1)] public HashSet<string> Cordoned { get; set; } = [];
}

/// <summary>Settings of the whole cluster, kept as Orleans grain state: small, seldom changed, contended by nobody.</summary>
[GrainType("dos.cluster-settings")]
public sealed class ClusterSettingsGrain(
    [PersistentState("cluster.settings")] IPersistentState<ClusterSettings> settings, NodeRegistration registration) : Grain, IClusterSettingsGrain
{
    public Task<IReadOnlyList<NodeId>> CordonedAsync(CallContext context) => Task.FromResult<IReadOnlyList<NodeId>>(
        [.. settings.State.Cordoned.Order(StringComparer.Ordinal).Select(node => new NodeId(node))]);

    public async Task CordonAsync(CallContext context, NodeId node, bool cordoned)
    {
        if (context.Principal.UserId != 0)
        {
            throw new DosException(DosErrorCode.PermissionDenied, $"{context.Principal.Name} may not cordon nodes");
        }
        if ((await registration.ListAsync(CancellationToken.None)).All(known => known.Id != node))
        {
            throw new DosException(DosErrorCode.NoSuchNode, $"there is no node {node}");
        }
        if (cordoned ? settings.State.Cordoned.Add(node.Value) : settings.State.Cordoned.Remove(node.Value))
        {
            try
            {
                await settings.WriteStateAsync();
            }
            catch
            {
                // Memory is ahead of the database now: the next call must read again.
                DeactivateOnIdle();
                throw;
            }
        }
    }
}
