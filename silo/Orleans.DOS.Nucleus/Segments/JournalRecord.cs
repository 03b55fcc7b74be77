using System.Buffers.Binary;

namespace Orleans.DOS.Segments;

/// <summary>
/// One record of a <see cref="SegmentJournal"/>: 40 bytes of header and the bytes of the segment's log. Little-endian: magic with the format's
/// version, CRC-32C of all behind it, segment, offset in its log, sequence, length.
/// <para>
/// A journal file is written over again and again, so what lies behind the newest record is older records, whole and with checksums that
/// fit. The sequence tells them apart: number of the file (as its name says it) in the high half, and a count of its batches, failed ones
/// too, in the low one. In what is to be replayed the high half is the file's, and the low one never falls.
/// </para>
/// </summary>
internal static class JournalRecord
{
    public const int HeaderBytes = 40;
    private const uint Magic = 0x02_4A_4F_44;

    public static long Sequence(long file, long batch) => (file << 32) | batch;

    /// <returns>Bytes of the record.</returns>
    public static int Encode(Span<byte> target, long segment, long offset, long sequence, ReadOnlySpan<byte> data)
    {
        BinaryPrimitives.WriteUInt32LittleEndian(target, Magic);
        BinaryPrimitives.WriteInt64LittleEndian(target[8..], segment);
        BinaryPrimitives.WriteInt64LittleEndian(target[16..], offset);
        BinaryPrimitives.WriteInt64LittleEndian(target[24..], sequence);
        BinaryPrimitives.WriteInt64LittleEndian(target[32..], data.Length);
        data.CopyTo(target[HeaderBytes..]);
        var length = HeaderBytes + data.Length;
        BinaryPrimitives.WriteUInt32LittleEndian(target[4..], Crc32C.Compute(target[8..length]));
        return length;
    }

    /// <summary>Hands each record of the file to <paramref name="apply"/> (segment, offset, bytes), up to the first that is torn or from before.</summary>
    public static void Replay(ReadOnlySpan<byte> journal, long file, Action<long, long, byte[]> apply)
    {
        var newest = Sequence(file, 0);
        while (TryRead(journal, out var segment, out var offset, out var sequence, out var data) && sequence >= newest && sequence < Sequence(file + 1, 0))
        {
            apply(segment, offset, data);
            newest = sequence;
            journal = journal[(HeaderBytes + data.Length)..];
        }
    }

    private static bool TryRead(ReadOnlySpan<byte> source, out long segment, out long offset, out long sequence, out byte[] data)
    {
        (segment, offset, sequence, data) = (0, 0, 0, []);
        if (source.Length < HeaderBytes || BinaryPrimitives.ReadUInt32LittleEndian(source) != Magic)
        {
            return false;
        }
        var length = BinaryPrimitives.ReadInt64LittleEndian(source[32..]);
        if (length < 0 || length > source.Length - HeaderBytes
            || BinaryPrimitives.ReadUInt32LittleEndian(source[4..]) != Crc32C.Compute(source.Slice(8, HeaderBytes - 8 + (int)length)))
        {
            return false;
        }
        segment = BinaryPrimitives.ReadInt64LittleEndian(source[8..]);
        offset = BinaryPrimitives.ReadInt64LittleEndian(source[16..]);
        sequence = BinaryPrimitives.ReadInt64LittleEndian(source[24..]);
        data = source.Slice(HeaderBytes, (int)length).ToArray();
        return true;
    }
}
