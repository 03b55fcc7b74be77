using System.Buffers.Binary;

namespace Orleans.DOS.Jobs;

/// <summary>The first eight bytes of a key as a number that orders as the bytes do: most comparisons end there.</summary>
internal static class KeyOrder
{
    public static ulong Prefix(ReadOnlySpan<byte> key)
    {
        if (key.Length >= 8)
        {
            return BinaryPrimitives.ReadUInt64BigEndian(key);
        }
        ulong prefix = 0;
        for (var i = 0; i < key.Length; i++)
        {
            prefix |= (ulong)key[i] << (56 - (8 * i));
        }
        return prefix;
    }
}
