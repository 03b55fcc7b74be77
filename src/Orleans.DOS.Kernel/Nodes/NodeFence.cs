using System.Collections.Immutable;

namespace Orleans.DOS.Nodes;

/// <summary>What a node has written down as its view, while it was Active.</summary>
/// <param name="Version">Of membership.</param>
/// <param name="Others">Those that it asks for the second form of its lease.</param>
public sealed record ViewConfirmation(NodeStart By, long Version, ImmutableHashSet<NodeStart> Others);

/// <summary>Membership and the confirmations as one reading of the catalog showed them; confirmations may be younger than the members.</summary>
public sealed record MembershipReading(long Version, IReadOnlyCollection<Member> Members, IReadOnlyCollection<ViewConfirmation> Confirmations);

/// <summary>
/// Decides which incarnations of nodes can no longer act (design, section 7; the argument is in SAFETY.md). One that is Dead is
/// fenced when every Active node has confirmed a view in which it is Dead, at least one of them was in the dead node's own last view, and
/// <see cref="GraceMs"/> have passed; failing that, <see cref="SilenceMs"/> after it was first seen Dead. At once when a newer
/// incarnation of the same node is Active: that one holds the lock of the node's directory, which the older process had to lose. And at
/// once when a reading that was <b>begun after the question</b> does not show it: what owned anything was Active once, and rows are
/// removed only long after their node's death.
/// <para>Instants are milliseconds of the observer's own monotonic clock that counts suspended time.</para>
/// </summary>
public sealed record NodeFence
{
    /// <summary>The second form of a lease ends a minute after the row was last read as Active; two seconds more for clocks that differ in speed.</summary>
    public const long SilenceMs = NodeLease.WithoutRowMs + 2_000;

    /// <summary>A lease, and a twentieth for clocks that differ in speed.</summary>
    public const long GraceMs = NodeLease.TermMs + (NodeLease.TermMs / 20);

    public static readonly NodeFence Empty = new();

    private ImmutableDictionary<NodeStart, Member> Members { get; init; } = ImmutableDictionary<NodeStart, Member>.Empty;
    private ImmutableDictionary<NodeStart, Death> Deaths { get; init; } = ImmutableDictionary<NodeStart, Death>.Empty;

    /// <summary>Newest incarnation of each node that was Dead or has vanished.</summary>
    private ImmutableDictionary<NodeId, long> NewestGone { get; init; } = ImmutableDictionary<NodeId, long>.Empty;

    /// <summary>Newest incarnation of each node that is shown.</summary>
    private ImmutableDictionary<NodeId, long> NewestShown { get; init; } = ImmutableDictionary<NodeId, long>.Empty;

    /// <summary>When the request of the newest reading was sent; null before the first.</summary>
    private long? ReadSentMs { get; init; }

    /// <summary>Of the newest reading.</summary>
    public long Version { get; private init; } = -1;

    /// <summary>Somebody is dead and not fenced yet: the next readings matter.</summary>
    public bool IsWaiting(long nowMs) => Deaths.Keys.Any(start => !IsFenced(start, nowMs, nowMs));

    /// <summary>Takes a reading, which must show the observer itself as Active. One that was overtaken by a newer is ignored.</summary>
    public NodeFence See(MembershipReading reading, long sentMs, long nowMs)
    {
        if (sentMs < ReadSentMs || reading.Version < Version)
        {
            return this;
        }
        var members = reading.Members.ToImmutableDictionary(member => member.Start);
        var dead = reading.Members.Where(member => member.IsDead).Select(member => member.Start).ToList();
        return new NodeFence
        {
            Members = members,
            Deaths = dead.ToImmutableDictionary(start => start, start => Observe(Deaths.GetValueOrDefault(start, new Death(reading.Version, nowMs, null)), start, reading, nowMs)),
            NewestGone = NewestGone.SetItems(dead.Concat(Members.Keys.Where(start => !members.ContainsKey(start)))
                .GroupBy(start => start.Node)
                .Select(group => KeyValuePair.Create(group.Key, Math.Max(group.Max(start => start.Incarnation), NewestGone.GetValueOrDefault(group.Key, long.MinValue))))),
            NewestShown = members.Keys.GroupBy(start => start.Node).ToImmutableDictionary(group => group.Key, group => group.Max(start => start.Incarnation)),
            ReadSentMs = sentMs,
            Version = reading.Version,
        };
    }

    /// <param name="askedMs">When this was first asked of that incarnation.</param>
    public bool IsFenced(NodeStart start, long askedMs, long nowMs)
    {
        if (ReadSentMs is not { } readSentMs)
        {
            return false;
        }
        if (Members.Values.Any(member => member.Node == start.Node && member.Incarnation > start.Incarnation && member.IsActive))
        {
            return true;
        }
        if (Deaths.TryGetValue(start, out var death))
        {
            return nowMs - death.SeenMs >= SilenceMs || (death.ConfirmedMs is { } confirmedMs && nowMs - confirmedMs >= GraceMs);
        }
        return !Members.ContainsKey(start) && readSentMs > askedMs;
    }

    /// <summary>Whether calls of that incarnation are refused: it is Dead, or was replaced, or has vanished from membership.</summary>
    public bool IsRefused(NodeStart start) =>
        start.Incarnation <= NewestGone.GetValueOrDefault(start.Node, long.MinValue)
        || start.Incarnation < NewestShown.GetValueOrDefault(start.Node, long.MinValue);

    private static Death Observe(Death death, NodeStart start, MembershipReading reading, long nowMs)
    {
        if (death.ConfirmedMs is not null)
        {
            return death;
        }
        var views = reading.Confirmations.ToDictionary(view => view.By);
        var confirmed = reading.Members.Where(member => member.IsActive)
            .Select(member => member.Start).Where(active => views.TryGetValue(active, out var view) && view.Version >= death.Version).ToList();
        var all = confirmed.Count == reading.Members.Count(member => member.IsActive);
        // One that never had a view confirmed never held the second form, and being dead it gets none any more.
        var known = !views.TryGetValue(start, out var last) || confirmed.Exists(last.Others.Contains);
        return all && known ? death with { ConfirmedMs = nowMs } : death;
    }

    /// <param name="Version">Of the first view in which it was seen Dead.</param>
    /// <param name="ConfirmedMs">When it was first seen that all had confirmed.</param>
    private sealed record Death(long Version, long SeenMs, long? ConfirmedMs);
}
