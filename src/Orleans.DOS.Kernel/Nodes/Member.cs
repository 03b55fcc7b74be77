namespace Orleans.DOS.Nodes;

/// <summary>One incarnation of a node as membership shows it.</summary>
public readonly record struct Member(NodeId Node, long Incarnation, bool IsActive, bool IsDead)
{
    public NodeStart Start => new(Node, Incarnation);
}

/// <summary>One start of a node.</summary>
public readonly record struct NodeStart(NodeId Node, long Incarnation);
