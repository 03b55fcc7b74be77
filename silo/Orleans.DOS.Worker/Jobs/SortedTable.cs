using System.Buffers.Binary;

namespace Orleans.DOS.Jobs;

/// <summary>
/// The sums and pairs of a mapper in the order (partition, key, as emitted), each of them read as one sorted source per partition.
/// </summary>
internal sealed class SortedTable
{
    private readonly Source _sums;
    private readonly Source _pairs;

    public SortedTable(SumTable sums, PairList pairs, Func<ReadOnlySpan<byte>, int> partitionOf)
    {
        _sums = new SumSource(sums, Sort(sums.Count, sums.KeyOf, partitionOf));
        _pairs = new PairsSource(pairs, Sort(pairs.Count, pairs.KeyOf, partitionOf));
    }

    private delegate ReadOnlySpan<byte> KeyOf(int entry);

    private readonly record struct Place(ulong Prefix, int Partition, int Entry);

    /// <summary>Partitions are to be asked for in ascending order, each one once, and read to their end.</summary>
    public IReadOnlyList<IPairSource> Of(int partition)
    {
        (_sums.Partition, _pairs.Partition) = (partition, partition);
        return [_pairs, _sums];
    }

    private static Place[] Sort(int count, KeyOf keyOf, Func<ReadOnlySpan<byte>, int> partitionOf)
    {
        var places = new Place[count];
        for (var entry = 0; entry < count; entry++)
        {
            var key = keyOf(entry);
            places[entry] = new Place(KeyOrder.Prefix(key), partitionOf(key), entry);
        }
        places.AsSpan().Sort((left, right) =>
        {
            var order = left.Partition.CompareTo(right.Partition);
            order = order != 0 ? order : left.Prefix.CompareTo(right.Prefix);
            order = order != 0 ? order : keyOf(left.Entry).SequenceCompareTo(keyOf(right.Entry));
            return order != 0 ? order : left.Entry.CompareTo(right.Entry);
        });
        return places;
    }

    private abstract class Source(Place[] places) : IPairSource
    {
        private int _next;
        protected int Entry { get; private set; }
        public int Partition { get; set; }
        public abstract ReadOnlySpan<byte> Key { get; }
        public abstract ReadOnlySpan<byte> Value { get; }

        public bool MoveNext()
        {
            if (_next == places.Length || places[_next].Partition != Partition)
            {
                return false;
            }
            Entry = places[_next++].Entry;
            Moved();
            return true;
        }

        protected virtual void Moved() { }
    }

    private sealed class SumSource(SumTable sums, Place[] places) : Source(places)
    {
        private readonly byte[] _value = new byte[8];
        public override ReadOnlySpan<byte> Key => sums.KeyOf(Entry);
        public override ReadOnlySpan<byte> Value => _value;
        protected override void Moved() => BinaryPrimitives.WriteInt64LittleEndian(_value, sums.SumOf(Entry));
    }

    private sealed class PairsSource(PairList pairs, Place[] places) : Source(places)
    {
        public override ReadOnlySpan<byte> Key => pairs.KeyOf(Entry);
        public override ReadOnlySpan<byte> Value => pairs.ValueOf(Entry);
    }
}
