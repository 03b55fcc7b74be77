using System.Net;
using Orleans.DOS.Nodes;
using Orleans.Messaging;

namespace Orleans.DOS.Client.Cluster;

/// <summary>The gateways of the nodes that serve now, from any node's HTTP door; no client is given the database's password.</summary>
/// <remarks>
/// A node keeps its place until it is Dead or Leaving: the table forgets for a second what the others reported when its own node dies, and
/// Orleans closes the connection to a gateway that is not listed.
/// </remarks>
internal sealed class DoorGatewayListProvider(INodes nodes) : IGatewayListProvider
{
    /// <summary>Orleans' minute is long where nodes come and go.</summary>
    public static readonly TimeSpan RefreshPeriod = TimeSpan.FromSeconds(5);

    private readonly Dictionary<NodeId, Uri> _known = [];

    public TimeSpan MaxStaleness => RefreshPeriod;

    public bool IsUpdatable => true;

    public Task InitializeGatewayListProvider() => Task.CompletedTask;

    public async Task<IList<Uri>> GetGateways()
    {
        var listed = await nodes.ListAsync().ConfigureAwait(false);
        lock (_known)
        {
            var gone = _known.Keys.Except(listed.Where(static node => node.State is not (NodeState.Dead or NodeState.Leaving)).Select(static node => node.Id)).ToList();
            gone.ForEach(node => _known.Remove(node));
            foreach (var node in listed.Where(static node => node.State is NodeState.Ready or NodeState.Cordoned))
            {
                if (GatewayOf(node) is { } gateway)
                {
                    _known[node.Id] = gateway;
                }
            }
            return [.. _known.Values];
        }
    }

    // gwy.tcp://ip:port/generation; gateways are proxies, and theirs is 0.
    private static Uri? GatewayOf(NodeStatus node) =>
        IPEndPoint.TryParse(node.Gateway ?? "", out var endpoint) && endpoint.Port > 0 ? new Uri($"gwy.tcp://{endpoint}/0") : null;
}
