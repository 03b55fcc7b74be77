using System.Buffers.Binary;
using System.Collections;

namespace Orleans.DOS.Jobs;

/// <summary>
/// All values of one key, for one call of Reduce. Bounded: where the program can combine, what was gathered is folded when it grows
/// too large; where it cannot, the key has too many values for a worker's memory and the task fails with a clear sentence.
/// </summary>
internal sealed class ValueGroup(IJobProgram program, TaskMemory memory) : IReadOnlyList<ReadOnlyMemory<byte>>, IEmitter
{
    private PairList _values = new();
    private PairList _folded = new();
    private byte[] _key = new byte[256];
    private int _keyLength;

    public ReadOnlySpan<byte> Key => _key.AsSpan(0, _keyLength);
    public int Count => _values.Count;
    public ReadOnlyMemory<byte> this[int index] => index < _values.Count ? _values.ValueMemoryOf(index) : throw new ArgumentOutOfRangeException(nameof(index));

    public void Begin(ReadOnlySpan<byte> key)
    {
        if (_key.Length < key.Length)
        {
            _key = new byte[key.Length * 2];
        }
        key.CopyTo(_key);
        _keyLength = key.Length;
        _values.Clear();
    }

    public void Add(ReadOnlySpan<byte> value)
    {
        if (_values.Count > 1 && _values.Bytes + value.Length > memory.GroupBytesMax)
        {
            Fold();
        }
        _values.Add(default, value);
    }

    private void Fold()
    {
        if (program.CanCombine)
        {
            program.Reduce(Key, this, this);
            (_values, _folded) = (_folded, _values);
            _folded.Clear();
        }
        if (_values.Bytes > memory.GroupBytesMax / 2)
        {
            throw new DosException(DosErrorCode.LimitExceeded, $"the values of one key take more than {memory.GroupBytesMax} bytes");
        }
    }

    void IEmitter.Emit(ReadOnlySpan<byte> key, ReadOnlySpan<byte> value)
    {
        if (!key.SequenceEqual(Key))
        {
            throw new DosException(DosErrorCode.InvalidArgument, "a program that combines has emitted another key in Reduce");
        }
        _folded.Add(default, value);
    }

    void IEmitter.Add(ReadOnlySpan<byte> key, long delta)
    {
        Span<byte> value = stackalloc byte[8];
        BinaryPrimitives.WriteInt64LittleEndian(value, delta);
        ((IEmitter)this).Emit(key, value);
    }

    public IEnumerator<ReadOnlyMemory<byte>> GetEnumerator()
    {
        for (var i = 0; i < Count; i++)
        {
            yield return this[i];
        }
    }

    IEnumerator IEnumerable.GetEnumerator() => GetEnumerator();
}
