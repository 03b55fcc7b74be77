using Orleans.DOS.Nodes;

namespace Orleans.DOS.Client.Cluster;

internal sealed class ClusterNodes(ClusterCaller caller) : INodes
{
    private INodeTableGrain Table => caller.Grains.GetGrain<INodeTableGrain>(GrainKeys.Cluster("nodes"));

    public Task<IReadOnlyList<NodeStatus>> ListAsync(CancellationToken cancellationToken = default) =>
        caller.ReadAsync(context => Table.ListAsync(context), cancellationToken);

    public async Task<NodeStatus> StatusAsync(NodeId node, CancellationToken cancellationToken = default)
    {
        var nodes = await ListAsync(cancellationToken).ConfigureAwait(false);
        return nodes.FirstOrDefault(status => status.Id == node)
            ?? throw new DosException(DosErrorCode.NoSuchNode, $"there is no node '{node}'");
    }

    public Task<ClusterStatus> ClusterAsync(CancellationToken cancellationToken = default) =>
        caller.ReadAsync(context => Table.ClusterAsync(context), cancellationToken);
}
