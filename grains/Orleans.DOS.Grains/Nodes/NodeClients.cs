using Orleans.DOS.Processes;
using Orleans.DOS.Segments;
using Orleans.Runtime.Services;

namespace Orleans.DOS.Nodes;

/// <summary>Reaches the services of a node by its address in the present membership.</summary>
public sealed class NodeClients(INodeView view, IServiceProvider services) : INodeClients
{
    private readonly Client<ISegmentService> _segments = new(services);
    private readonly Client<IProgramHostService> _programs = new(services);
    private readonly Client<INodeService> _nodes = new(services);

    public ISegmentService Segments(NodeId node) => _segments.On(Address(node));
    public IProgramHostService Programs(NodeId node) => _programs.On(Address(node));
    public INodeService Node(NodeId node) => _nodes.On(Address(node));

    private SiloAddress Address(NodeId node) => view.TryGetAddress(node, out var address)
        ? address
        : throw new DosException(new DosError(DosErrorCode.Unavailable, $"node {node} is not active", TimeSpan.FromSeconds(1)));

    private sealed class Client<TService>(IServiceProvider services) : GrainServiceClient<TService>(services)
        where TService : Orleans.Services.IGrainService
    {
        public TService On(SiloAddress address) => GetGrainService(address);
    }
}
