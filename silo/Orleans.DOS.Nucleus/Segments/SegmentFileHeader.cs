using System.Buffers.Binary;
using Microsoft.Win32.SafeHandles;

namespace Orleans.DOS.Segments;

/// <summary>
/// The first 4096 bytes of a segment's file: two slots, written in turn, each with its own checksum, so that a torn write of one
/// leaves the other. The log begins behind them.
/// </summary>
/// <param name="Synced">Bytes of the log that were on disk when this was written: a bad frame among them is rot, not a torn tail.</param>
internal sealed record SegmentFileHeader(
    long Version, SegmentId Segment, ObjectId Object, long Epoch, long Length, bool Sealed, bool Damaged, bool Rotten, long Synced)
{
    public static SegmentFileHeader Of(long version, SegmentId segment, ObjectId target, ReplicaState state) =>
        new(version, segment, target, state.Epoch, state.Length, state.Sealed, state.Damaged, state.Rotten, state.SyncedLength);

    public ReplicaState State => new(Epoch, Length, Synced, Sealed, Damaged, Rotten);

    public const int LogStart = 4096;
    private const int SlotBytes = 64;
    private const int SlotDistance = 2048;
    private const uint Magic = 0x01_53_4F_44;
    private const int DamagedBit = 1, RottenBit = 2;

    public void Write(SafeFileHandle handle)
    {
        Span<byte> slot = stackalloc byte[SlotBytes];
        slot.Clear();
        BinaryPrimitives.WriteUInt32LittleEndian(slot, Magic);
        BinaryPrimitives.WriteInt64LittleEndian(slot[8..], Version);
        BinaryPrimitives.WriteInt64LittleEndian(slot[16..], Segment.Value);
        BinaryPrimitives.WriteInt64LittleEndian(slot[24..], Object.Value);
        BinaryPrimitives.WriteInt64LittleEndian(slot[32..], Epoch);
        BinaryPrimitives.WriteInt64LittleEndian(slot[40..], Length);
        BinaryPrimitives.WriteUInt16LittleEndian(slot[48..], (ushort)Object.Kind);
        slot[50] = Sealed ? (byte)1 : (byte)0;
        slot[51] = (byte)((Damaged ? DamagedBit : 0) | (Rotten ? RottenBit : 0));
        BinaryPrimitives.WriteInt64LittleEndian(slot[56..], Synced);
        BinaryPrimitives.WriteUInt32LittleEndian(slot[4..], Crc32C.Compute(slot[8..]));
        RandomAccess.Write(handle, slot, (Version & 1) * SlotDistance);
    }

    /// <summary>The newest valid slot; null when there is none: the file was being made, or its header has rotted.</summary>
    public static SegmentFileHeader? Read(SafeFileHandle handle)
    {
        var first = ReadSlot(handle, 0);
        var second = ReadSlot(handle, SlotDistance);
        return first is null ? second : second is null || first.Version > second.Version ? first : second;
    }

    private static SegmentFileHeader? ReadSlot(SafeFileHandle handle, long offset)
    {
        Span<byte> slot = stackalloc byte[SlotBytes];
        if (Disk.Read(handle, slot, offset) < SlotBytes
            || BinaryPrimitives.ReadUInt32LittleEndian(slot) != Magic
            || BinaryPrimitives.ReadUInt32LittleEndian(slot[4..]) != Crc32C.Compute(slot[8..]))
        {
            return null;
        }
        return new(
            BinaryPrimitives.ReadInt64LittleEndian(slot[8..]),
            new SegmentId(BinaryPrimitives.ReadInt64LittleEndian(slot[16..])),
            new ObjectId((ObjectKind)BinaryPrimitives.ReadUInt16LittleEndian(slot[48..]), BinaryPrimitives.ReadInt64LittleEndian(slot[24..])),
            BinaryPrimitives.ReadInt64LittleEndian(slot[32..]),
            BinaryPrimitives.ReadInt64LittleEndian(slot[40..]),
            slot[50] != 0,
            (slot[51] & DamagedBit) != 0,
            (slot[51] & RottenBit) != 0,
            BinaryPrimitives.ReadInt64LittleEndian(slot[56..]));
    }
}
