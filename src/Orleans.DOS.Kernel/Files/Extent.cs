namespace Orleans.DOS.Files;

/// <summary>
/// A range of a file and the frames that hold it. All frames of an extent follow each other in one segment and have
/// <see cref="FramePayload"/> bytes of payload (the last one at most that many), so the place of every byte can be computed.
/// </summary>
/// <param name="Position">First byte in the file.</param>
/// <param name="Length">Bytes; more than 0.</param>
/// <param name="SegmentOffset">Where the first frame's header begins in the segment's log.</param>
/// <param name="PayloadSkip">Bytes at the front of the first frame's payload that do not belong to the extent; less than <see cref="FramePayload"/>.</param>
public readonly record struct Extent(long Position, long Length, SegmentId Segment, long SegmentOffset, int FramePayload, int PayloadSkip)
{
    /// <summary>Bytes of header before each payload.</summary>
    public const int FrameHeaderBytes = Segments.FrameCodec.HeaderBytes;

    public long End => Position + Length;

    private long FrameBytes => FrameHeaderBytes + FramePayload;

    /// <summary>Where the frame begins that holds the byte at a file position of this extent, and where in its payload that byte is.</summary>
    public (long SegmentOffset, int Within) Find(long position)
    {
        var payload = PayloadSkip + (position - Position);
        return (SegmentOffset + (payload / FramePayload * FrameBytes), (int)(payload % FramePayload));
    }

    /// <summary>The part before a position inside the extent.</summary>
    public Extent CutEnd(long position) => this with { Length = position - Position };

    /// <summary>The part from a position inside the extent on.</summary>
    public Extent CutStart(long position)
    {
        var (offset, within) = Find(position);
        return this with { Position = position, Length = End - position, SegmentOffset = offset, PayloadSkip = within };
    }

    /// <summary>
    /// Whether one more frame continues this extent. Only behind a whole last frame: behind a shorter one, or one of which an
    /// end was cut off, the next frame's place could no longer be computed (its offset then differs, or the remainder is not zero).
    /// </summary>
    public bool IsContinuedBy(Extent frame)
    {
        var payload = PayloadSkip + Length;
        return frame.Position == End && frame.Segment == Segment && frame.PayloadSkip == 0 && frame.Length <= FramePayload
            && payload % FramePayload == 0 && frame.SegmentOffset == SegmentOffset + (payload / FramePayload * FrameBytes);
    }
}

/// <summary>One piece of a read: bytes of one frame's payload, or zeros.</summary>
/// <param name="Position">In the file.</param>
/// <param name="Segment">Null for a hole, which reads as zeros.</param>
/// <param name="FrameOffset">Where the frame begins in the segment's log.</param>
/// <param name="Within">First byte in the payload.</param>
/// <param name="Length">Bytes.</param>
/// <param name="FramePayload">Bytes of the frame's whole payload, at most: a frame is read, and checked, as a whole.</param>
public readonly record struct ReadPiece(long Position, SegmentId? Segment, long FrameOffset, int Within, int Length, int FramePayload)
{
    public static ReadPiece Hole(long position, int length) => new(position, null, 0, 0, length, 0);

    /// <summary>Where the frame ends in the segment's log, at the latest.</summary>
    public long FrameEnd => FrameOffset + Extent.FrameHeaderBytes + FramePayload;
}
