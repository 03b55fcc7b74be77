using Orleans.Concurrency;
using Orleans.DOS.Security;

namespace Orleans.DOS.Files;

/// <summary>The side of <see cref="FileGrain"/> that only nodes see (key: <see cref="GrainKeys.File"/>).</summary>
[Alias("dos.IFileOwner")]
public interface IFileOwner : IGrainWithStringKey
{
    /// <summary>Size, times and version as the owner knows them.</summary>
    /// <param name="rowVersion">Of the inode's row, as the caller has read it: so the owner learns of changes of metadata without a read of its own.</param>
    [Alias("Content")] Task<FileContentStat> ContentAsync(CallContext context, long rowVersion);

    /// <summary>Where the bytes of a range lie now.</summary>
    [Alias("PlanRead")] Task<FileReadPlan> PlanReadAsync(CallContext context, long position, int count);

    /// <summary>The bytes of a range, read at the owner's node, which needs no catalog for them while the file is open.</summary>
    /// <exception cref="DosException">Unavailable: the file is not open, or its bytes cannot be read.</exception>
    [Alias("ReadOpen")] Task<Immutable<byte[]>> ReadOpenAsync(CallContext context, long position, int count);

    /// <summary>Begins to seal what is open; a call that follows finds it sealed, unless somebody writes.</summary>
    [Alias("Close")] Task CloseAsync(CallContext context);

    /// <summary>Replaces the whole content by at most <see cref="Limits.InlineBytesMax"/> bytes, in one commit.</summary>
    [Alias("Replace")] Task ReplaceAsync(CallContext context, Immutable<byte[]> content);
}

/// <summary>What an owner knows better than the inode's row.</summary>
/// <param name="Size">Bytes.</param>
/// <param name="Modified">Of the newest write.</param>
/// <param name="Version">Never falls, and no content has that of another. To be taken as it is: a row that was read before or after is of another moment.</param>
[GenerateSerializer, Immutable, Alias("dos.FileContentStat")]
public sealed record FileContentStat([property: Id(0)] long Size, [property: Id(1)] DateTimeOffset Modified, [property: Id(3)] long Version);

/// <summary>How to read a range.</summary>
/// <param name="Size">Of the file.</param>
/// <param name="Inline">The whole content, when it is in the catalog row.</param>
/// <param name="Extents">Otherwise: those that the range touches, in order; what they leave out reads as zeros.</param>
[GenerateSerializer, Immutable, Alias("dos.FileReadPlan")]
public sealed record FileReadPlan(
    [property: Id(0)] long Size, [property: Id(1)] byte[]? Inline, [property: Id(2)] IReadOnlyList<PlannedExtent> Extents);

/// <summary>An <see cref="Extent"/> on the wire.</summary>
[GenerateSerializer, Immutable, Alias("dos.PlannedExtent")]
public readonly record struct PlannedExtent(
    [property: Id(0)] long Position,
    [property: Id(1)] long Length,
    [property: Id(2)] SegmentId Segment,
    [property: Id(3)] long SegmentOffset,
    [property: Id(4)] int FramePayload,
    [property: Id(5)] int PayloadSkip)
{
    public static PlannedExtent From(Extent extent) =>
        new(extent.Position, extent.Length, extent.Segment, extent.SegmentOffset, extent.FramePayload, extent.PayloadSkip);

    public Extent ToExtent() => new(Position, Length, Segment, SegmentOffset, FramePayload, PayloadSkip);
}
