using System.Buffers;
using System.Buffers.Binary;

namespace Orleans.DOS.Jobs;

/// <summary>Writes what is emitted as text of the result, by the program's own Write.</summary>
internal sealed class WritingEmitter(IJobProgram program, IBufferWriter<byte> output) : IEmitter
{
    public void Emit(ReadOnlySpan<byte> key, ReadOnlySpan<byte> value) => program.Write(key, value, output);

    public void Add(ReadOnlySpan<byte> key, long delta)
    {
        Span<byte> value = stackalloc byte[8];
        BinaryPrimitives.WriteInt64LittleEndian(value, delta);
        program.Write(key, value, output);
    }
}

/// <summary>Writes what is emitted as pairs, for another worker or a later merge.</summary>
internal sealed class PairEmitter(IBufferWriter<byte> output) : IEmitter
{
    public void Emit(ReadOnlySpan<byte> key, ReadOnlySpan<byte> value) => PairFormat.Write(output, key, value);

    public void Add(ReadOnlySpan<byte> key, long delta)
    {
        Span<byte> value = stackalloc byte[8];
        BinaryPrimitives.WriteInt64LittleEndian(value, delta);
        PairFormat.Write(output, key, value);
    }
}

/// <summary>Keeps the beginnings of some keys of each input: any bytes can bound a range, so a beginning is enough.</summary>
internal sealed class Sampler(int inputs) : IEmitter
{
    private const int SamplesMax = 8192;
    private const int SampleBytesMax = 32;
    private readonly List<byte[]> _samples = [];
    private readonly int _perInput = Math.Max(1, SamplesMax / Math.Max(1, inputs));
    private int _left;

    public IReadOnlyList<byte[]> Samples => _samples;

    public void NextInput() => _left = _perInput;

    public void Emit(ReadOnlySpan<byte> key, ReadOnlySpan<byte> value) => Add(key, 0);

    public void Add(ReadOnlySpan<byte> key, long delta)
    {
        if (_left > 0)
        {
            _left--;
            _samples.Add(key[..Math.Min(key.Length, SampleBytesMax)].ToArray());
        }
    }
}
