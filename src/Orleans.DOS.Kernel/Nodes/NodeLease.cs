using System.Collections.Immutable;

namespace Orleans.DOS.Nodes;

/// <summary>
/// Until when a node may answer from what it owns in memory (design, section 7; the argument is in SAFETY.md). It holds the lease
/// for <see cref="TermMs"/> from the instant at which it <b>sent</b> the request by which it read its own row as Active, or by which
/// every other node of its view answered that the view is unchanged. The second form ends <see cref="WithoutRowMs"/> after the last
/// such reading of the row was sent, and needs a view that the catalog knows this node to have: the fence goes by that.
/// <para>
/// Instants are milliseconds of this node's own monotonic clock that counts the time for which the host, or this process, was suspended.
/// </para>
/// </summary>
public sealed record NodeLease
{
    public const long TermMs = 2_000;
    public const long WithoutRowMs = 60_000;

    public static readonly NodeLease None = new();

    private long? RowSentMs { get; init; }
    private long? RoundSentMs { get; init; }

    /// <summary>Newest view that this node has seen.</summary>
    public long SeenVersion { get; private init; } = -1;

    /// <summary>The view that the catalog is known to have as this node's.</summary>
    private long ConfirmedVersion { get; init; } = -1;

    /// <summary>Those of the confirmed view that must answer, this node excepted.</summary>
    private ImmutableArray<NodeStart> Others { get; init; } = [];

    /// <summary>This node was seen Dead, or not at all any more. For ever.</summary>
    public bool IsLost { get; private init; }

    public bool IsHeld(long nowMs) =>
        !IsLost && RowSentMs is { } row && nowMs - row < WithoutRowMs && nowMs - Math.Max(row, RoundSentMs ?? row) < TermMs;

    /// <summary>The own row was read.</summary>
    /// <param name="sentMs">When the request was sent: the answer may be old when it comes.</param>
    public NodeLease RowRead(long sentMs, bool isActive, bool isGone) =>
        isGone ? this with { IsLost = true }
        : isActive ? this with { RowSentMs = Math.Max(RowSentMs ?? sentMs, sentMs) }
        : this;

    /// <summary>A view was seen, from wherever. From now on an older one is not confirmed to others any more.</summary>
    public NodeLease See(long version) => version > SeenVersion ? this with { SeenVersion = version } : this;

    /// <summary>The catalog has taken down, while this node was Active, that this is its view.</summary>
    public NodeLease Confirmed(long version, IEnumerable<NodeStart> others) =>
        version > ConfirmedVersion ? See(version) with { ConfirmedVersion = version, Others = [.. others] } : this;

    /// <summary>
    /// Whom to ask for the second form, and about which version; null while the newest view is not confirmed. A node that has seen a
    /// newer view must not go back to an older one, whose members may know nothing of what has happened since.
    /// </summary>
    public (long Version, IReadOnlyList<NodeStart> Others)? Round => ConfirmedVersion >= 0 && ConfirmedVersion == SeenVersion ? (ConfirmedVersion, Others) : null;

    /// <summary>All of them answered that they have seen nothing newer.</summary>
    public NodeLease RoundAnswered(long sentMs, long version) =>
        Round?.Version == version ? this with { RoundSentMs = Math.Max(RoundSentMs ?? sentMs, sentMs) } : this;

    /// <summary>What to answer another node that asks whether its view is unchanged.</summary>
    public bool IsUnchanged(long version) => !IsLost && SeenVersion <= version;
}
