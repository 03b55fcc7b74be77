using System.Numerics;
using System.Runtime.CompilerServices;
using System.Runtime.InteropServices;

namespace Orleans.DOS.Segments;

/// <summary>CRC-32C (Castagnoli, RFC 3720 appendix B.4) by the processor's own instruction, eight bytes at a time.</summary>
public static class Crc32C
{
    public static uint Compute(ReadOnlySpan<byte> bytes)
    {
        var crc = ~0u;
        ref var start = ref MemoryMarshal.GetReference(bytes);
        nuint at = 0;
        var length = (nuint)bytes.Length;
        for (; at + 8 <= length; at += 8)
        {
            crc = BitOperations.Crc32C(crc, Unsafe.ReadUnaligned<ulong>(ref Unsafe.Add(ref start, at)));
        }
        for (; at < length; at++)
        {
            crc = BitOperations.Crc32C(crc, Unsafe.Add(ref start, at));
        }
        return ~crc;
    }
}
