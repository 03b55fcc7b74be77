using Orleans.DOS.Machines;
using Orleans.DOS.Nodes;

namespace Orleans.DOS.Client.Http;

internal sealed class HttpNodes(HttpCaller caller) : INodes
{
    public Task<IReadOnlyList<NodeStatus>> ListAsync(CancellationToken cancellationToken = default) =>
        caller.JsonAsync(HttpCall.Get("/v1/nodes"), DosJson.Default.IReadOnlyListNodeStatus, cancellationToken);

    public Task<NodeStatus> StatusAsync(NodeId node, CancellationToken cancellationToken = default) =>
        caller.JsonAsync(HttpCall.Get("/v1/nodes/" + Uri.EscapeDataString(node.Value ?? "")), DosJson.Default.NodeStatus, cancellationToken);

    public Task<ClusterStatus> ClusterAsync(CancellationToken cancellationToken = default) =>
        caller.JsonAsync(HttpCall.Get("/v1/cluster"), DosJson.Default.ClusterStatus, cancellationToken);
}
