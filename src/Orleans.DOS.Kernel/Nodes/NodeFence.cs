using System.Collections.Immutable;

namespace Orleans.DOS.Nodes;

/// <summary>One incarnation of a node as membership shows it.</summary>
public readonly record struct Member(NodeId Node, long Incarnation, bool IsActive, bool IsDead);

/// <summary>
/// Decides which incarnations of nodes can no longer act (design, section 7). An incarnation is fenced when membership has shown it
/// Dead, or no longer shows it at all, for <see cref="GraceMs"/>, or when a newer incarnation of the same node is Active: that one
/// holds the lock of the node's directory, which the older process had to lose.
/// <para>
/// The grace stands for the node's lease: a node serves from memory only for two seconds after it last read itself as Active.
/// </para>
/// Instants are milliseconds of the observer's own monotonic clock.
/// </summary>
public sealed record NodeFence
{
    public const long GraceMs = 2_000;

    public static readonly NodeFence Empty = new();

    private ImmutableArray<Member> Members { get; init; } = [];

    /// <summary>Since when each dead incarnation has been seen so.</summary>
    private ImmutableDictionary<(NodeId, long), long> DeadSinceMs { get; init; } = ImmutableDictionary<(NodeId, long), long>.Empty;

    /// <summary>Incarnations that were asked for and that membership does not show count as dead since the first view that had this node in it.</summary>
    private long? FirstViewMs { get; init; }

    /// <summary>Takes the next view of membership. A view without any Active node says nothing about who is dead.</summary>
    public NodeFence See(IReadOnlyCollection<Member> members, long nowMs)
    {
        var shown = members.Select(Key).ToHashSet();
        var deadNow = members.Where(member => member.IsDead).Select(Key)
            // What was shown and has vanished was dead before it was swept from the table.
            .Concat(Members.Select(Key).Where(key => !shown.Contains(key)))
            // Kept until the grace is over; after that the first view is old enough to say the same.
            .Concat(DeadSinceMs.Where(old => !shown.Contains(old.Key) && nowMs - old.Value < GraceMs).Select(old => old.Key))
            .Distinct();
        return new NodeFence
        {
            Members = [.. members],
            DeadSinceMs = deadNow.ToImmutableDictionary(key => key, key => DeadSinceMs.GetValueOrDefault(key, nowMs)),
            FirstViewMs = FirstViewMs ?? (members.Any(member => member.IsActive) ? nowMs : null),
        };
    }

    public bool IsFenced(NodeId node, long incarnation, long nowMs)
    {
        if (FirstViewMs is not { } firstViewMs)
        {
            return false;
        }
        if (Members.Any(member => member.Node == node && member.Incarnation > incarnation && member.IsActive))
        {
            return true;
        }
        if (Members.Any(member => member.Node == node && member.Incarnation == incarnation && !member.IsDead))
        {
            return false;
        }
        return nowMs - DeadSinceMs.GetValueOrDefault((node, incarnation), firstViewMs) >= GraceMs;
    }

    private static (NodeId, long) Key(Member member) => (member.Node, member.Incarnation);
}
