using System.Buffers.Binary;
using System.Numerics;
using System.Text;

namespace Orleans.DOS.Files;

/// <summary>
/// A 64-bit hash of a request, by which its repeat is told from another request under the same id. Stored, so it never changes. Not
/// cryptographic: a sender that forges a collision deceives only itself.
/// </summary>
public struct ContentHash
{
    private const ulong Prime = 0x9E37_79B9_7F4A_7C15;
    private ulong _state;

    public ContentHash() => _state = 0x27D4_EB2F_1656_67C5;

    public readonly long Value
    {
        get
        {
            // Finalisation of MurmurHash3: every bit of the state reaches every bit of the value.
            var mixed = (_state ^ (_state >> 33)) * 0xFF51_AFD7_ED55_8CCD;
            mixed = (mixed ^ (mixed >> 33)) * 0xC4CE_B9FE_1A85_EC53;
            return unchecked((long)(mixed ^ (mixed >> 33)));
        }
    }

    public void Add(long number) => _state = BitOperations.RotateLeft(_state ^ (unchecked((ulong)number) * Prime), 29) * Prime;

    public void Add(ReadOnlySpan<byte> bytes)
    {
        Add(bytes.Length);
        while (bytes.Length >= sizeof(long))
        {
            Add(BinaryPrimitives.ReadInt64LittleEndian(bytes));
            bytes = bytes[sizeof(long)..];
        }
        Span<byte> rest = stackalloc byte[sizeof(long)];
        rest.Clear();
        bytes.CopyTo(rest);
        Add(BinaryPrimitives.ReadInt64LittleEndian(rest));
    }

    public void Add(string text) => Add(Encoding.UTF8.GetBytes(text));
}
