using System.Buffers;
using System.Buffers.Binary;
using System.Diagnostics.CodeAnalysis;

namespace Orleans.DOS.Jobs;

/// <summary>
/// What a job should have answered, computed by one thread with the same program over the same bytes, everything in memory and as
/// plainly as possible: the twin against which <c>dos demo</c> and tests compare a job's result byte for byte.
/// </summary>
public static class JobReference
{
    private const int BufferBytes = 256 * 1024;

    /// <param name="inputs">The input files, in the order of the job; each is read to its end and closed.</param>
    /// <param name="partitions">Of a program with <see cref="JobPartitioning.Hash"/>: how many parts the job's result has (they stand in a row, each
    /// sorted by key). The other partitionings give the same bytes whatever it is.</param>
    /// <returns>The bytes of the job's result files, one behind the other.</returns>
    public static byte[] Run(IJobProgram program, IEnumerable<Stream> inputs, int partitions, CancellationToken cancellationToken = default)
    {
        ArgumentOutOfRangeException.ThrowIfLessThan(partitions, 1);
        var result = new ArrayBufferWriter<byte>();
        var writing = new Writing(program, result);
        if (program.Partitioning == JobPartitioning.None)
        {
            MapAll(program, inputs, writing, cancellationToken);
            return result.WrittenSpan.ToArray();
        }
        var gathered = new Gathering();
        MapAll(program, inputs, gathered, cancellationToken);
        var keys = gathered.Keys.ToArray();
        var parts = program.Partitioning == JobPartitioning.Hash ? partitions : 1;
        Array.Sort(keys, (left, right) =>
        {
            var order = Partitioner.ByHash(left, parts).CompareTo(Partitioner.ByHash(right, parts));
            return order != 0 ? order : left.AsSpan().SequenceCompareTo(right);
        });
        foreach (var key in keys)
        {
            program.Reduce(key, gathered.ValuesOf(key), writing);
        }
        return result.WrittenSpan.ToArray();
    }

    private static void MapAll(IJobProgram program, IEnumerable<Stream> inputs, IEmitter emitter, CancellationToken cancellationToken)
    {
        var buffer = new byte[BufferBytes];
        foreach (var input in inputs)
        {
            using (input)
            {
                cancellationToken.ThrowIfCancellationRequested();
                MapOne(program, input, emitter, ref buffer);
            }
        }
    }

    private static void MapOne(IJobProgram program, Stream input, IEmitter emitter, ref byte[] buffer)
    {
        var kept = 0;
        while (true)
        {
            if (kept == buffer.Length)
            {
                Array.Resize(ref buffer, buffer.Length * 2);
            }
            var read = input.Read(buffer, kept, buffer.Length - kept);
            var rest = buffer.AsSpan(0, kept + read);
            for (int feed; (feed = rest.IndexOf((byte)'\n')) >= 0; rest = rest[(feed + 1)..])
            {
                program.Map(rest[..feed], emitter);
            }
            if (read == 0)
            {
                if (!rest.IsEmpty)
                {
                    program.Map(rest, emitter);
                }
                return;
            }
            rest.CopyTo(buffer);
            kept = rest.Length;
        }
    }

    private sealed class Writing(IJobProgram program, IBufferWriter<byte> output) : IEmitter
    {
        public void Emit(ReadOnlySpan<byte> key, ReadOnlySpan<byte> value) => program.Write(key, value, output);
        public void Add(ReadOnlySpan<byte> key, long delta) => program.Write(key, Bytes(delta), output);
    }

    private sealed class Gathering : IEmitter
    {
        private readonly Dictionary<byte[], Gathered> _values = new(new BytewiseComparer());
        private readonly Dictionary<byte[], Gathered>.AlternateLookup<ReadOnlySpan<byte>> _byKey;

        public Gathering() => _byKey = _values.GetAlternateLookup<ReadOnlySpan<byte>>();

        public IEnumerable<byte[]> Keys => _values.Keys;

        public void Emit(ReadOnlySpan<byte> key, ReadOnlySpan<byte> value) => (Of(key).Values ??= []).Add(value.ToArray());

        public void Add(ReadOnlySpan<byte> key, long delta)
        {
            var gathered = Of(key);
            gathered.Sum = (gathered.Sum ?? 0) + delta;
        }

        public IReadOnlyList<ReadOnlyMemory<byte>> ValuesOf(byte[] key)
        {
            var gathered = _values[key];
            List<ReadOnlyMemory<byte>> values = gathered.Values ?? [];
            if (gathered.Sum is { } sum)
            {
                values.Add(Bytes(sum));
            }
            return values;
        }

        private Gathered Of(ReadOnlySpan<byte> key)
        {
            if (!_byKey.TryGetValue(key, out var gathered))
            {
                _byKey[key] = gathered = new Gathered();
            }
            return gathered;
        }
    }

    private sealed class Gathered
    {
        public long? Sum { get; set; }
        public List<ReadOnlyMemory<byte>>? Values { get; set; }
    }

    private sealed class BytewiseComparer : IEqualityComparer<byte[]>, IAlternateEqualityComparer<ReadOnlySpan<byte>, byte[]>
    {
        public bool Equals(byte[]? left, byte[]? right) => left.AsSpan().SequenceEqual(right);
        public int GetHashCode([DisallowNull] byte[] key) => GetHashCode(key.AsSpan());
        public byte[] Create(ReadOnlySpan<byte> key) => key.ToArray();
        public bool Equals(ReadOnlySpan<byte> key, byte[] other) => key.SequenceEqual(other);

        public int GetHashCode(ReadOnlySpan<byte> key)
        {
            var hash = 2166136261u;
            foreach (var b in key)
            {
                hash = (hash ^ b) * 16777619u;
            }
            return (int)hash;
        }
    }

    private static byte[] Bytes(long number)
    {
        var bytes = new byte[8];
        BinaryPrimitives.WriteInt64LittleEndian(bytes, number);
        return bytes;
    }
}
