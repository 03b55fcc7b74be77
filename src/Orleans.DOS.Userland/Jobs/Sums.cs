using System.Buffers.Binary;

namespace Orleans.DOS.Jobs;

/// <summary>Values that are sums: little-endian 64-bit numbers, as <see cref="IEmitter.Add"/> makes them.</summary>
internal static class Sums
{
    public static long Read(ReadOnlySpan<byte> value) => BinaryPrimitives.ReadInt64LittleEndian(value);

    public static long Of(IReadOnlyList<ReadOnlyMemory<byte>> values)
    {
        long sum = 0;
        for (var i = 0; i < values.Count; i++)
        {
            sum += Read(values[i].Span);
        }
        return sum;
    }
}
