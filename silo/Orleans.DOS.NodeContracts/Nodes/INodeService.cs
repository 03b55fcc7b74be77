using Orleans.Runtime;
using Orleans.Services;

namespace Orleans.DOS.Nodes;

/// <summary>What one node asks another about ownership.</summary>
[Alias("dos.INodeService")]
public interface INodeService : IGrainService
{
    /// <summary>Asks a node to drop an object that it owned under an epoch below <paramref name="belowEpoch"/>. True when it holds it no longer and will not act on it.</summary>
    [Alias("Drop")] Task<bool> DropAsync(ObjectId target, long belowEpoch);

    /// <summary>Whether the node is that incarnation and has seen no newer view of membership than <paramref name="version"/>.</summary>
    [Alias("IsUnchanged")] Task<bool> IsUnchangedAsync(long incarnation, long version);
}

/// <summary>What holds ownership in memory on this node (grain activations register themselves).</summary>
public interface IOwnedObject
{
    ObjectId Object { get; }
    long Epoch { get; }
    /// <summary>Stops acting; answers when nothing is in flight any more.</summary>
    Task DropAsync();
}

/// <summary>The registry of what this node owns; one per node, in the nucleus.</summary>
public interface IOwnedObjects
{
    void Add(IOwnedObject owned);
    void Remove(IOwnedObject owned);
    Task<bool> DropAsync(ObjectId target, long belowEpoch);
}

/// <summary>This node and its view of the others: node ids, incarnations and addresses, from membership (the silo's name is the node id).</summary>
public interface INodeView
{
    NodeId Self { get; }
    long Incarnation { get; }
    DiskId Disk { get; }
    string ClusterId { get; }
    /// <summary>Address of an Active node.</summary>
    bool TryGetAddress(NodeId node, out SiloAddress address);
    /// <summary>Active nodes, by id.</summary>
    IReadOnlyList<NodeId> Active { get; }
    /// <summary>Whether that incarnation of the node is known to be dead and can no longer act (design.md section 7).</summary>
    bool IsFenced(NodeId node, long incarnation);
    /// <summary>Latest table of the nodes' reports (at most seconds old), by id.</summary>
    IReadOnlyDictionary<NodeId, NodeStatus> Reports { get; }
    /// <summary>Completes at the next change of membership.</summary>
    Task NextChange { get; }
}

/// <summary>How grains and nucleus reach the services of a given node.</summary>
public interface INodeClients
{
    /// <exception cref="DosException">Unavailable: the node is not Active.</exception>
    Segments.ISegmentService Segments(NodeId node);
    Processes.IProgramHostService Programs(NodeId node);
    INodeService Node(NodeId node);
}

/// <summary>What the nucleus knows of this node's present load, for its report.</summary>
public interface ICapacityMeter
{
    NodeStatus Measure();
}
