using System.Buffers.Binary;

namespace Orleans.DOS.Segments;

/// <summary>
/// Lays frames out and checks them. A frame is a header of 96 bytes and the payload; its checksum covers everything behind itself,
/// and the magic and the length before it are checked by being used: a wrong length makes the checksum cover other bytes.
/// </summary>
public static class FrameCodec
{
    public const int HeaderBytes = 96;
    public const int FrameBytesMax = HeaderBytes + Limits.FramePayloadBytesMax;

    /// <summary>"DOF" and format version 1.</summary>
    public const uint Magic = 0x01_46_4F_44;

    private const int LengthAt = 4;
    private const int ChecksumAt = 8;
    private const int CoveredAt = 12;

    /// <summary>Makes a whole frame in <paramref name="frame"/>, whose payload part is filled already.</summary>
    public static void Seal(Span<byte> frame, in FrameHeader header)
    {
        if (frame.Length != header.FrameLength || (uint)header.PayloadLength > Limits.FramePayloadBytesMax)
        {
            throw new ArgumentException($"A frame with {header.PayloadLength} bytes of payload does not fit {frame.Length} bytes");
        }
        BinaryPrimitives.WriteUInt32LittleEndian(frame, Magic);
        BinaryPrimitives.WriteInt32LittleEndian(frame[LengthAt..], header.PayloadLength);
        BinaryPrimitives.WriteUInt16LittleEndian(frame[12..], header.Kind);
        BinaryPrimitives.WriteUInt16LittleEndian(frame[14..], (ushort)header.Object.Kind);
        BinaryPrimitives.WriteInt64LittleEndian(frame[16..], header.Object.Value);
        BinaryPrimitives.WriteInt64LittleEndian(frame[24..], header.Epoch);
        BinaryPrimitives.WriteInt64LittleEndian(frame[32..], header.Position);
        BinaryPrimitives.WriteInt64LittleEndian(frame[40..], header.WriteNumber);
        BinaryPrimitives.WriteInt64LittleEndian(frame[48..], header.ResultingSize);
        BinaryPrimitives.WriteInt64LittleEndian(frame[56..], header.Time);
        BinaryPrimitives.WriteInt64LittleEndian(frame[64..], header.Request.Sender);
        BinaryPrimitives.WriteInt64LittleEndian(frame[72..], header.Request.Number);
        BinaryPrimitives.WriteInt64LittleEndian(frame[80..], header.RequestHash);
        BinaryPrimitives.WriteInt64LittleEndian(frame[88..], header.Segment.Value);
        BinaryPrimitives.WriteUInt32LittleEndian(frame[ChecksumAt..], Crc32C.Compute(frame[CoveredAt..]));
    }

    /// <summary>A whole new frame with a copy of the payload.</summary>
    public static byte[] Encode(in FrameHeader header, ReadOnlySpan<byte> payload)
    {
        var frame = GC.AllocateUninitializedArray<byte>(HeaderBytes + payload.Length);
        payload.CopyTo(frame.AsSpan(HeaderBytes));
        Seal(frame, header);
        return frame;
    }

    /// <summary>Length of the frame that begins here, from its first 8 bytes; 0 when none can begin here.</summary>
    public static int PeekLength(ReadOnlySpan<byte> bytes)
    {
        if (bytes.Length < HeaderBytes || BinaryPrimitives.ReadUInt32LittleEndian(bytes) != Magic)
        {
            return 0;
        }
        var payload = BinaryPrimitives.ReadUInt32LittleEndian(bytes[LengthAt..]);
        return payload > Limits.FramePayloadBytesMax ? 0 : HeaderBytes + (int)payload;
    }

    /// <summary>Reads and checks the frame at the start of <paramref name="bytes"/>. False when it is torn, changed or none.</summary>
    public static bool TryDecode(ReadOnlySpan<byte> bytes, out FrameHeader header)
    {
        header = default;
        var length = PeekLength(bytes);
        if (length == 0 || length > bytes.Length
            || BinaryPrimitives.ReadUInt32LittleEndian(bytes[ChecksumAt..]) != Crc32C.Compute(bytes[CoveredAt..length]))
        {
            return false;
        }
        header = Read(bytes, length - HeaderBytes);
        return true;
    }

    /// <summary>Bytes of whole, valid frames of <paramref name="segment"/> at the start of <paramref name="bytes"/>.</summary>
    public static int ValidPrefix(ReadOnlySpan<byte> bytes, SegmentId segment)
    {
        var at = 0;
        while (at < bytes.Length && TryDecode(bytes[at..], out var header) && header.Segment == segment)
        {
            at += header.FrameLength;
        }
        return at;
    }

    /// <summary>Where the first valid frame of <paramref name="segment"/> begins at or behind <paramref name="from"/>; -1 when there is none.</summary>
    /// <remarks>Payload may contain anything, also the bytes of a frame: its checksum would have to fit too, and name this segment.</remarks>
    public static int FindFrame(ReadOnlySpan<byte> bytes, int from, SegmentId segment)
    {
        Span<byte> magic = stackalloc byte[4];
        BinaryPrimitives.WriteUInt32LittleEndian(magic, Magic);
        for (var at = from; at < bytes.Length; at++)
        {
            var found = bytes[at..].IndexOf(magic);
            if (found < 0)
            {
                return -1;
            }
            at += found;
            if (TryDecode(bytes[at..], out var header) && header.Segment == segment)
            {
                return at;
            }
        }
        return -1;
    }

    private static FrameHeader Read(ReadOnlySpan<byte> frame, int payload) => new()
    {
        PayloadLength = payload,
        Kind = BinaryPrimitives.ReadUInt16LittleEndian(frame[12..]),
        Object = new ObjectId((ObjectKind)BinaryPrimitives.ReadUInt16LittleEndian(frame[14..]), Number(frame, 16)),
        Epoch = Number(frame, 24),
        Position = Number(frame, 32),
        WriteNumber = Number(frame, 40),
        ResultingSize = Number(frame, 48),
        Time = Number(frame, 56),
        Request = new RequestId(Number(frame, 64), Number(frame, 72)),
        RequestHash = Number(frame, 80),
        Segment = new SegmentId(Number(frame, 88)),
    };

    private static long Number(ReadOnlySpan<byte> frame, int at) => BinaryPrimitives.ReadInt64LittleEndian(frame[at..]);
}
