namespace Orleans.DOS.Nodes;

/// <summary>
/// The node's lease (design, section 7). Whoever answers from what it owns in memory looks at it after it has read that memory and
/// before it answers: then no other owner can have begun to serve before the look.
/// </summary>
public interface INodeLease
{
    bool IsHeld { get; }

    /// <summary>Completes at once while the lease is held, else waits a moment for it.</summary>
    /// <exception cref="DosException">Unavailable: it cannot be renewed now.</exception>
    ValueTask RequireAsync();

    /// <summary>Whether this node, not being dead, has seen no newer view of membership.</summary>
    bool IsUnchanged(long version);
}
