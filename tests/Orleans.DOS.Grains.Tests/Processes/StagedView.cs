using System.Collections.Concurrent;
using Orleans.DOS.Nodes;
using Orleans.Runtime;

namespace Orleans.DOS.Grains.Tests.Processes;

/// <summary>What a test pretends of the cluster: nodes that were and are fenced, and that there is no room.</summary>
internal sealed class Stage
{
    /// <summary>Nodes that never were; whether they are fenced.</summary>
    public ConcurrentDictionary<NodeId, bool> Fenced { get; } = new();
    public bool IsFull { get; set; }
    /// <summary>No node finds that it holds its lease; who waits for it still gets it, so that nothing else is held up.</summary>
    public bool IsLeaseLost { get; set; }
}

/// <summary>The real lease of a node, but for what is staged.</summary>
internal sealed class StagedNodeLease(INodeLease inner, Stage stage) : INodeLease
{
    public bool IsHeld => inner.IsHeld && !stage.IsLeaseLost;
    public ValueTask RequireAsync() => inner.RequireAsync();
    public bool IsUnchanged(long version) => inner.IsUnchanged(version);
}

/// <summary>The real view of a node, but for what is staged.</summary>
internal sealed class StagedView(INodeView inner, Stage stage) : INodeView
{
    private static readonly Dictionary<NodeId, NodeStatus> Nothing = [];

    public NodeId Self => inner.Self;
    public long Incarnation => inner.Incarnation;
    public DiskId Disk => inner.Disk;
    public string ClusterId => inner.ClusterId;
    public IReadOnlyList<NodeId> Active => inner.Active;
    public IReadOnlyDictionary<NodeId, NodeStatus> Reports => stage.IsFull ? Nothing : inner.Reports;
    public Task NextChange => inner.NextChange;
    public bool TryGetAddress(NodeId node, out SiloAddress address) => inner.TryGetAddress(node, out address);
    public bool IsFenced(NodeId node, long incarnation) => stage.Fenced.TryGetValue(node, out var fenced) ? fenced : inner.IsFenced(node, incarnation);
}
