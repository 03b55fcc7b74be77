using Orleans.DOS.Nodes;
using Orleans.DOS.Processes;

namespace Orleans.DOS.Segments;

/// <summary>
/// This node's own segments without Orleans in between, where they are known: what an owner asks of the disk beside it need not become
/// a message, with a credential that the node proves to itself.
/// </summary>
internal sealed class NearbySegments(INodeView nodes, INodeClients clients, ISegmentService? own) : INodeClients
{
    public ISegmentService Segments(NodeId node) => own is not null && node == nodes.Self ? own : clients.Segments(node);
    public IProgramHostService Programs(NodeId node) => clients.Programs(node);
    public INodeService Node(NodeId node) => clients.Node(node);
}
