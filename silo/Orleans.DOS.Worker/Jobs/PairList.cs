using System.Runtime.CompilerServices;

namespace Orleans.DOS.Jobs;

/// <summary>Pairs as they were emitted, one behind the other in one array.</summary>
internal sealed class PairList
{
    private const int EntriesMin = 1024;
    private const int BytesMin = 64 * 1024;
    private Entry[] _entries = [];
    private byte[] _bytes = [];
    private int _used;

    private readonly record struct Entry(int At, int KeyLength, int ValueLength);

    public int Count { get; private set; }
    public long Bytes => _used + ((long)Count * Unsafe.SizeOf<Entry>());

    public void Add(ReadOnlySpan<byte> key, ReadOnlySpan<byte> value)
    {
        var needed = checked(_used + key.Length + value.Length);
        if (needed > _bytes.Length)
        {
            Array.Resize(ref _bytes, (int)Math.Min(Array.MaxLength, Math.Max(Math.Max(BytesMin, _bytes.Length * 2L), needed)));
        }
        if (Count == _entries.Length)
        {
            Array.Resize(ref _entries, Math.Max(EntriesMin, Count * 2));
        }
        key.CopyTo(_bytes.AsSpan(_used));
        value.CopyTo(_bytes.AsSpan(_used + key.Length));
        _entries[Count++] = new Entry(_used, key.Length, value.Length);
        _used = needed;
    }

    public void Clear() => (Count, _used) = (0, 0);

    public ReadOnlySpan<byte> KeyOf(int entry) => _bytes.AsSpan(_entries[entry].At, _entries[entry].KeyLength);

    public ReadOnlySpan<byte> ValueOf(int entry) => _bytes.AsSpan(_entries[entry].At + _entries[entry].KeyLength, _entries[entry].ValueLength);

    public ReadOnlyMemory<byte> ValueMemoryOf(int entry) => _bytes.AsMemory(_entries[entry].At + _entries[entry].KeyLength, _entries[entry].ValueLength);
}
