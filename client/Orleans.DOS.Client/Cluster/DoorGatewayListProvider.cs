using System.Net;
using Orleans.DOS.Client.Http;
using Orleans.DOS.Nodes;
using Orleans.Messaging;

namespace Orleans.DOS.Client.Cluster;

/// <summary>The gateways of the nodes that serve now, from any node's HTTP door; no client is given the database's password.</summary>
internal sealed class DoorGatewayListProvider(HttpMachine http) : IGatewayListProvider
{
    /// <summary>Orleans' minute is long where nodes come and go.</summary>
    public static readonly TimeSpan RefreshPeriod = TimeSpan.FromSeconds(5);

    public TimeSpan MaxStaleness => RefreshPeriod;

    public bool IsUpdatable => true;

    public Task InitializeGatewayListProvider() => Task.CompletedTask;

    public async Task<IList<Uri>> GetGateways()
    {
        var nodes = await http.Nodes.ListAsync().ConfigureAwait(false);
        return [.. nodes.Where(static node => node.State is NodeState.Ready or NodeState.Cordoned).Select(GatewayOf).OfType<Uri>()];
    }

    // gwy.tcp://ip:port/generation; gateways are proxies, and theirs is 0.
    private static Uri? GatewayOf(NodeStatus node) =>
        IPEndPoint.TryParse(node.Gateway ?? "", out var endpoint) && endpoint.Port > 0 ? new Uri($"gwy.tcp://{endpoint}/0") : null;
}
