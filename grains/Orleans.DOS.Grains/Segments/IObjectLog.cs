namespace Orleans.DOS.Segments;

/// <summary>
/// The replicated log of one owned object: a row of sealed segments and one open one. Made by <see cref="IObjectLogs.OpenAsync"/>
/// under an epoch; not safe for concurrent calls of Open/Close, safe for concurrent appends (which take places in call order).
/// </summary>
public interface IObjectLog
{
    /// <summary>
    /// Appends one frame. Acknowledged when all replicas have received it; with <paramref name="durable"/> when all have synced it. Seals and
    /// moves on by itself when a replica fails or the segment is full.
    /// </summary>
    /// <exception cref="DosException">Stale: another owner exists, stop. Unavailable: fewer than minReplicas nodes live; nothing acknowledged. NoSpace.</exception>
    Task<FramePlace> AppendAsync(FrameFields fields, ReadOnlyMemory<byte> payload, bool durable);

    /// <summary>Completes when every acknowledged frame is on the disks of all replicas of its segment.</summary>
    Task FlushAsync();

    /// <summary>Flushes and seals the open segment (clean close), so that a next owner has nothing to take over.</summary>
    Task CloseAsync();

    /// <summary>Reads one frame-aligned range from the nearest good replica: raw frames beginning at <paramref name="offset"/>.</summary>
    Task<byte[]> ReadAsync(SegmentId segment, long offset, int bytesMax);

    /// <summary>Nodes that hold a segment, this node first if it does.</summary>
    Task<IReadOnlyList<NodeId>> NodesOfAsync(SegmentId segment);
}

/// <summary>What of a frame's header the owner decides (see FrameHeader in the kernel).</summary>
public readonly record struct FrameFields(FrameKind Kind, long Position, long ResultingSize, Clock.HybridTime Time, RequestId Request, long RequestHash);

/// <summary>Stored: never renumber.</summary>
public enum FrameKind : ushort { Data = 1, Truncate = 2 }

/// <summary>Where a frame came to lie.</summary>
public readonly record struct FramePlace(SegmentId Segment, long Offset, int PayloadLength, long WriteNumber);

/// <summary>A frame found behind the checkpoint when a log is opened.</summary>
public sealed record ReplayedFrame(FrameFields Fields, FramePlace Place);

public interface IObjectLogs
{
    /// <summary>
    /// Opens the log under an epoch that the caller owns: takes over segments left open (design: Takeover) and hands every valid frame of
    /// the segments in <paramref name="replayFrom"/> and later to <paramref name="replay"/>, in order, before it completes.
    /// </summary>
    /// <param name="replayFrom">(segment, offset) up to which the object's checkpoint reaches; null replays everything.</param>
    Task<IObjectLog> OpenAsync(ObjectId target, long epoch, int replicas, (SegmentId Segment, long Offset)? replayFrom, Action<ReplayedFrame> replay, CancellationToken cancellationToken = default);

    /// <summary>Reads without owning: from any good replica of a segment, this node's first.</summary>
    Task<byte[]> ReadAsync(SegmentId segment, long offset, int bytesMax, CancellationToken cancellationToken = default);

    /// <summary>Marks segments as no longer referenced, inside the caller's transaction; collection deletes them later.</summary>
    Task ReleaseAsync(Catalog.ICatalogSession session, IReadOnlyList<SegmentId> segments);
}
