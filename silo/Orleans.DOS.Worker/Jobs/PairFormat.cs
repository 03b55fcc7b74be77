using System.Buffers;

namespace Orleans.DOS.Jobs;

/// <summary>
/// A pair in a map output or a run: length of the key, length of the value (7 bits a byte, low first, as LEB128), key, value.
/// Version 1; workers of one job exchange it, and <see cref="TaskStart.Version"/> names it.
/// </summary>
internal static class PairFormat
{
    public const int HeaderBytesMax = 10;

    public static void Write(IBufferWriter<byte> output, ReadOnlySpan<byte> key, ReadOnlySpan<byte> value)
    {
        var header = output.GetSpan(HeaderBytesMax);
        var at = WriteLength(header, 0, key.Length);
        at = WriteLength(header, at, value.Length);
        output.Advance(at);
        output.Write(key);
        output.Write(value);
    }

    /// <returns>Bytes of the header; 0 when more bytes are needed to tell.</returns>
    public static int ReadHeader(ReadOnlySpan<byte> bytes, out int keyLength, out int valueLength)
    {
        valueLength = 0;
        var at = ReadLength(bytes, 0, out keyLength);
        return at == 0 ? 0 : ReadLength(bytes, at, out valueLength);
    }

    private static int WriteLength(Span<byte> header, int at, int length)
    {
        var left = (uint)length;
        for (; left >= 0x80; left >>= 7)
        {
            header[at++] = (byte)(left | 0x80);
        }
        header[at++] = (byte)left;
        return at;
    }

    private static int ReadLength(ReadOnlySpan<byte> bytes, int at, out int length)
    {
        uint read = 0;
        for (var shift = 0; at < bytes.Length; shift += 7)
        {
            if (shift > 28)
            {
                throw new DosException(DosErrorCode.Damaged, "a map output holds a length that is none");
            }
            var b = bytes[at++];
            read |= (uint)(b & 0x7f) << shift;
            if (b < 0x80)
            {
                length = (int)read;
                return length >= 0 ? at : throw new DosException(DosErrorCode.Damaged, "a map output holds a negative length");
            }
        }
        length = 0;
        return 0;
    }
}
