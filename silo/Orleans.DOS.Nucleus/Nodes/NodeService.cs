using Microsoft.Extensions.Logging;
using Orleans.Concurrency;
using Orleans.Runtime;

namespace Orleans.DOS.Nodes;

/// <summary>This node's answers to others about what it owns.</summary>
[Reentrant]
public sealed class NodeService(GrainId id, Silo silo, ILoggerFactory loggers, IOwnedObjects owned, NodeFacts facts, INodeLease lease)
    : GrainService(id, silo, loggers), INodeService
{
    public Task<bool> DropAsync(ObjectId target, long belowEpoch) => owned.DropAsync(target, belowEpoch);

    public Task<bool> IsUnchangedAsync(long incarnation, long version) => Task.FromResult(facts.Incarnation == incarnation && lease.IsUnchanged(version));
}
