using System.Net;
using Orleans.DOS.Nodes;

namespace Orleans.DOS.Server.Nodes;

/// <summary>
/// What Orleans takes for the identity of this silo: its name is the node id, and its generation is the node's incarnation (Orleans
/// asks of a generation only that it grows from start to start), so that membership itself says which incarnation is alive.
/// </summary>
internal sealed class SiloDetails(NodeIdentity identity, IPAddress address, int siloPort, int gatewayPort) : ILocalSiloDetails
{
    public string Name => identity.Self.Value;
    public string ClusterId => identity.ClusterId;
    public string DnsHostName { get; } = Dns.GetHostName();
    public SiloAddress SiloAddress { get; } = SiloAddress.New(address, siloPort, checked((int)identity.Incarnation));
    public SiloAddress GatewayAddress { get; } = SiloAddress.New(address, gatewayPort, 0);
}
