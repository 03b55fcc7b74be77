namespace Orleans.DOS.Segments;

/// <summary>
/// The first 96 bytes of a frame: with them the log describes itself, so that extents, sizes and request records can be rebuilt from
/// it alone. All numbers are little-endian; <see cref="FrameCodec"/> knows the layout.
/// </summary>
public readonly record struct FrameHeader
{
    /// <summary>Bytes of payload behind the header, 0..<see cref="Limits.FramePayloadBytesMax"/>.</summary>
    public required int PayloadLength { get; init; }
    /// <summary>What the frame does (data, truncation); its meaning belongs to the object.</summary>
    public required ushort Kind { get; init; }
    public required ObjectId Object { get; init; }
    /// <summary>Epoch of the owner that wrote it.</summary>
    public required long Epoch { get; init; }
    /// <summary>Byte in the object (not in the log) that the payload begins at.</summary>
    public required long Position { get; init; }
    /// <summary>Counts the frames of one object's log.</summary>
    public required long WriteNumber { get; init; }
    /// <summary>Bytes of the object after the frame.</summary>
    public required long ResultingSize { get; init; }
    /// <summary>Stamp of the hybrid clock.</summary>
    public required long Time { get; init; }
    public required RequestId Request { get; init; }
    public required long RequestHash { get; init; }
    /// <summary>The log it was written for: a frame found in another log is not valid there.</summary>
    public required SegmentId Segment { get; init; }

    /// <summary>Header and payload.</summary>
    public int FrameLength => FrameCodec.HeaderBytes + PayloadLength;
}
