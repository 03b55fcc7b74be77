using System.Buffers.Binary;
using System.Numerics;

namespace Orleans.DOS.Segments;

/// <summary>Takes raw frames of one segment apart and checks them: a wrong or foreign byte never reaches a reader.</summary>
internal static class FrameRun
{
    private const int HeaderBytes = 96;
    private const int CoveredFrom = 12;

    public readonly record struct Frame(long Offset, ReadOnlyMemory<byte> Payload);

    /// <exception cref="DosException">Damaged.</exception>
    public static IEnumerable<Frame> Of(byte[] raw, long offset, ObjectId target, SegmentId segment)
    {
        for (var at = 0; at < raw.Length;)
        {
            var length = Check(raw.AsSpan(at), offset + at, target, segment);
            yield return new Frame(offset + at, raw.AsMemory(at + HeaderBytes, length));
            at += HeaderBytes + length;
        }
    }

    private static int Check(ReadOnlySpan<byte> raw, long offset, ObjectId target, SegmentId segment)
    {
        var length = raw.Length < HeaderBytes ? -1 : BinaryPrimitives.ReadInt32LittleEndian(raw[4..]);
        if (length < 0 || length > raw.Length - HeaderBytes)
        {
            throw Damaged(segment, offset, "is cut off");
        }
        if (Checksum(raw[CoveredFrom..(HeaderBytes + length)]) != BinaryPrimitives.ReadUInt32LittleEndian(raw[8..]))
        {
            throw Damaged(segment, offset, "fails its checksum");
        }
        if (BinaryPrimitives.ReadUInt16LittleEndian(raw[14..]) != (ushort)target.Kind || BinaryPrimitives.ReadInt64LittleEndian(raw[16..]) != target.Value)
        {
            throw Damaged(segment, offset, $"is not of {target}");
        }
        return length;
    }

    private static uint Checksum(ReadOnlySpan<byte> bytes)
    {
        var crc = uint.MaxValue;
        for (; bytes.Length >= sizeof(ulong); bytes = bytes[sizeof(ulong)..])
        {
            crc = BitOperations.Crc32C(crc, BinaryPrimitives.ReadUInt64LittleEndian(bytes));
        }
        foreach (var one in bytes)
        {
            crc = BitOperations.Crc32C(crc, one);
        }
        return ~crc;
    }

    private static DosException Damaged(SegmentId segment, long offset, string what) =>
        new(DosErrorCode.Damaged, $"the frame at {offset} of segment {segment} {what}");
}
