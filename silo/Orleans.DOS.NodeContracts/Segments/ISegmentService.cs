using Orleans.Concurrency;
using Orleans.Services;

namespace Orleans.DOS.Segments;

/// <summary>
/// The segment store of one node, called by owners (grains) and by other nodes' stores. Every answer carries what the replica
/// knows after the call; a refusal is an answer, not an exception, because a refusal by epoch must end the owner and must never be
/// taken for a failed replica.
/// </summary>
[Alias("dos.ISegmentService")]
public interface ISegmentService : IGrainService
{
    /// <summary>Makes the empty replica and syncs its directory before it answers. Repeating it is harmless.</summary>
    [Alias("Create")] Task<ReplicaAnswer> CreateAsync(SegmentHeader segment);

    /// <summary>Takes whole frames (as <c>Kernel.Segments.FrameCodec</c> lays them out) at <paramref name="offset"/>, which must be the replica's length; a repeat of what it has is fine.</summary>
    /// <param name="sync">Answer only when everything up to the new length is on disk.</param>
    [Alias("Append")] Task<ReplicaAnswer> AppendAsync(SegmentId segment, DiskId disk, long epoch, long offset, Immutable<byte[]> frames, bool sync);

    /// <summary>Answers when everything up to <paramref name="length"/> is on disk.</summary>
    [Alias("Sync")] Task<ReplicaAnswer> SyncAsync(SegmentId segment, DiskId disk, long epoch, long length);

    /// <summary>Refuses every later append; the highest epoch seen and the seal are on disk before it answers.</summary>
    /// <param name="length">The sealed length, or null in a takeover: the replica seals where it is and says where that is.</param>
    [Alias("Seal")] Task<ReplicaAnswer> SealAsync(SegmentId segment, DiskId disk, long epoch, long? length);

    [Alias("Stat"), ReadOnly] Task<ReplicaAnswer> StatAsync(SegmentId segment, DiskId disk);

    /// <summary>Raw frames from a frame's start, cut at a frame's end, at least one frame if there is one; checked against their checksums.</summary>
    [Alias("Read"), ReadOnly] Task<SegmentChunk> ReadAsync(SegmentId segment, DiskId disk, long offset, int bytesMax);

    /// <summary>
    /// Makes this replica equal to another node's up to <paramref name="length"/> (fills up what is missing or bad), sealed if <paramref name="seal"/>.
    /// InProgress: it took long and is to be asked again, which goes on where it ended.
    /// </summary>
    /// <param name="paced">Nobody waits for it: not faster than <see cref="Limits.RepairBytesPerSecond"/>.</param>
    [Alias("CopyFrom")] Task<ReplicaAnswer> CopyFromAsync(SegmentHeader segment, long epoch, NodeId source, DiskId sourceDisk, long length, bool seal, bool paced);

    /// <summary>
    /// Reads frames from <paramref name="from"/> to <paramref name="length"/>, for some seconds and paced, and checks them: the answer's length is
    /// how far it came. Failed: a frame is bad, and the replica says from now on that it is rotten. InProgress: the node lacks the means to look now.
    /// </summary>
    [Alias("Verify")] Task<ReplicaAnswer> VerifyAsync(SegmentId segment, DiskId disk, long from, long length);

    /// <summary>Segments whose files are on the disk, by number, behind <paramref name="after"/>; none when it is not this disk.</summary>
    [Alias("List"), ReadOnly] Task<IReadOnlyList<long>> ListAsync(DiskId disk, long after, int countMax);

    [Alias("Delete")] Task DeleteAsync(SegmentId segment, DiskId disk);
}

/// <summary>What a replica must know to be made.</summary>
[GenerateSerializer, Immutable, Alias("dos.SegmentHeader")]
public sealed record SegmentHeader
{
    [Id(0)] public int Version { get; init; } = 1;
    [Id(1)] public required SegmentId Segment { get; init; }
    [Id(2)] public required ObjectId Object { get; init; }
    [Id(3)] public required long Epoch { get; init; }
    [Id(4)] public required DiskId Disk { get; init; }
}

/// <summary>How a replica answered. Sent: never renumber.</summary>
public enum ReplicaOutcome : short
{
    Done = 1,
    /// <summary>A higher epoch was seen: the caller is no longer the owner.</summary>
    RefusedEpoch = 2,
    RefusedSealed = 3,
    /// <summary>The offset is not the replica's length.</summary>
    RefusedOffset = 4,
    NoSuchSegment = 5,
    /// <summary>The disk id asked for is not the disk here: it was wiped or moved.</summary>
    WrongDisk = 6,
    NoSpace = 7,
    /// <summary>The disk failed or a checksum did not fit.</summary>
    Failed = 8,
    /// <summary>Not done within the time of a sign of progress, still at it: ask again.</summary>
    InProgress = 9,
}

[GenerateSerializer, Immutable, Alias("dos.ReplicaAnswer")]
public sealed record ReplicaAnswer
{
    [Id(0)] public required ReplicaOutcome Outcome { get; init; }
    /// <summary>Bytes of whole, valid frames.</summary>
    [Id(1)] public long Length { get; init; }
    /// <summary>Bytes known to be on disk.</summary>
    [Id(2)] public long SyncedLength { get; init; }
    [Id(3)] public bool Sealed { get; init; }
    /// <summary>Highest epoch seen.</summary>
    [Id(4)] public long Epoch { get; init; }
    /// <summary>It ever dropped a tail, restarted with unsynced frames, or lacks the segment: its length proves nothing.</summary>
    [Id(5)] public bool Damaged { get; init; }
    /// <summary>A frame that was on its disk fails its checksum: it is no source of a whole log.</summary>
    [Id(6)] public bool Rotten { get; init; }
}

[GenerateSerializer, Immutable, Alias("dos.SegmentChunk")]
public sealed record SegmentChunk([property: Id(0)] ReplicaAnswer Answer, [property: Id(1)] byte[] Frames);
