using System.Buffers.Binary;
using System.Numerics;
using System.Runtime.CompilerServices;
using System.Runtime.InteropServices;

namespace Orleans.DOS.Jobs;

/// <summary>
/// Sums by key: a hash table with open addressing over keys that lie one behind the other in one array. Adding to a known key
/// allocates nothing and usually touches two cache lines; this is the inner loop of counting.
/// </summary>
internal sealed class SumTable
{
    private const int SlotsMin = 1 << 14;
    private const int KeyBytesMin = 64 * 1024;
    // One free slot, so that looking a key up needs no other case; room is made with the first key: a task that emits nothing takes none.
    private static readonly ulong[] Nothing = new ulong[1];
    /// <summary>Entry number + 1 in the low half, hash in the high half; 0 is free. At most half of the slots are taken.</summary>
    private ulong[] _slots = Nothing;
    private Entry[] _entries = [];
    private byte[] _keys = [];
    private int _keyBytes;

    private struct Entry
    {
        public long Sum;
        public int KeyAt;
        public int KeyLength;
    }

    public int Count { get; private set; }

    /// <summary>Bytes in use, which decide when to spill.</summary>
    public long Bytes => _keyBytes + ((long)Count * Unsafe.SizeOf<Entry>()) + ((long)_slots.Length * 8);

    public void Add(ReadOnlySpan<byte> key, long delta)
    {
        var hash = Hash(key);
        var mask = (uint)_slots.Length - 1;
        for (var at = hash & mask; ; at = (at + 1) & mask)
        {
            var slot = _slots[at];
            if (slot == 0)
            {
                Insert(at, hash, key, delta);
                return;
            }
            if ((uint)(slot >> 32) == hash)
            {
                ref var entry = ref _entries[(int)(uint)slot - 1];
                if (entry.KeyLength == key.Length && _keys.AsSpan(entry.KeyAt, entry.KeyLength).SequenceEqual(key))
                {
                    entry.Sum += delta;
                    return;
                }
            }
        }
    }

    public void Clear()
    {
        if (Count > 0)
        {
            Array.Clear(_slots);
        }
        (Count, _keyBytes) = (0, 0);
    }

    public ReadOnlySpan<byte> KeyOf(int entry) => _keys.AsSpan(_entries[entry].KeyAt, _entries[entry].KeyLength);

    public long SumOf(int entry) => _entries[entry].Sum;

    private void Insert(uint at, uint hash, ReadOnlySpan<byte> key, long delta)
    {
        if (_slots == Nothing)
        {
            (_slots, _entries) = (new ulong[SlotsMin], new Entry[SlotsMin / 2]);
            at = hash & (SlotsMin - 1);
        }
        if (_keyBytes + key.Length > _keys.Length)
        {
            Array.Resize(ref _keys, Math.Max(Math.Max(KeyBytesMin, _keys.Length * 2), _keyBytes + key.Length));
        }
        if (Count == _entries.Length)
        {
            Array.Resize(ref _entries, Count * 2);
        }
        key.CopyTo(_keys.AsSpan(_keyBytes));
        _entries[Count] = new Entry { Sum = delta, KeyAt = _keyBytes, KeyLength = key.Length };
        _keyBytes += key.Length;
        Count++;
        _slots[at] = ((ulong)hash << 32) | (uint)Count;
        if (Count * 2 > _slots.Length)
        {
            GrowSlots();
        }
    }

    private void GrowSlots()
    {
        var old = _slots;
        _slots = new ulong[old.Length * 2];
        var mask = (uint)_slots.Length - 1;
        foreach (var slot in old)
        {
            if (slot == 0)
            {
                continue;
            }
            var at = (uint)(slot >> 32) & mask;
            while (_slots[at] != 0)
            {
                at = (at + 1) & mask;
            }
            _slots[at] = slot;
        }
    }

    /// <summary>Multiplies and folds eight bytes at a time (as wyhash does). Never leaves this process, so it may differ between machines.</summary>
    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    private static uint Hash(ReadOnlySpan<byte> key)
    {
        ref var first = ref MemoryMarshal.GetReference(key);
        var length = key.Length;
        ulong a, b = 0;
        if (length > 16)
        {
            return HashLong(key);
        }
        if (length >= 8)
        {
            a = Unsafe.ReadUnaligned<ulong>(ref first);
            b = Unsafe.ReadUnaligned<ulong>(ref Unsafe.Add(ref first, length - 8));
        }
        else if (length >= 4)
        {
            a = Unsafe.ReadUnaligned<uint>(ref first);
            b = Unsafe.ReadUnaligned<uint>(ref Unsafe.Add(ref first, length - 4));
        }
        else
        {
            a = length == 0 ? 0 : ((ulong)first << 16) | ((ulong)Unsafe.Add(ref first, length >> 1) << 8) | Unsafe.Add(ref first, length - 1);
        }
        return Mix(a ^ 0xa0761d6478bd642fUL, b ^ 0xe7037ed1a0b428dbUL ^ (ulong)length);
    }

    private static uint HashLong(ReadOnlySpan<byte> key)
    {
        var state = 0x8ebc6af09c88c6e3UL ^ (ulong)key.Length;
        var tail = BinaryPrimitives.ReadUInt64LittleEndian(key[^8..]);
        for (; key.Length >= 8; key = key[8..])
        {
            state = BitOperations.RotateLeft((state ^ BinaryPrimitives.ReadUInt64LittleEndian(key)) * 0x9fb21c651e98df25UL, 29);
        }
        return Mix(state, tail ^ 0xe7037ed1a0b428dbUL);
    }

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    private static uint Mix(ulong a, ulong b)
    {
        var high = Math.BigMul(a, b, out ulong low);
        var folded = high ^ low;
        return (uint)(folded ^ (folded >> 32));
    }
}
