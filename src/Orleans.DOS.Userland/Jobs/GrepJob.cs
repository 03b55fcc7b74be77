using System.Buffers;
using System.Text;
using Orleans.DOS.Processes;

namespace Orleans.DOS.Jobs;

/// <summary>
/// Finds the lines that contain a piece of text (parameter <c>pattern</c>, taken literally, compared bytewise), in the order of the
/// inputs: nothing is reduced, each map task's output is its part of the result.
/// </summary>
[Program("grep", Summary = "finds lines that contain a text")]
public sealed class GrepJob : IJobProgram
{
    private byte[] _pattern = [];

    public JobPartitioning Partitioning => JobPartitioning.None;
    public bool CanCombine => false;

    public void Configure(IReadOnlyDictionary<string, string> parameters)
    {
        if (!parameters.TryGetValue("pattern", out var pattern) || pattern.Length == 0)
        {
            throw new DosException(DosErrorCode.InvalidArgument, "grep needs the parameter pattern=TEXT");
        }
        _pattern = Encoding.UTF8.GetBytes(pattern);
    }

    public void Map(ReadOnlySpan<byte> record, IEmitter emitter)
    {
        if (record.IndexOf(_pattern) >= 0)
        {
            emitter.Emit(default, record);
        }
    }

    /// <summary>Never asked for: <see cref="Partitioning"/> is None.</summary>
    public void Reduce(ReadOnlySpan<byte> key, IReadOnlyList<ReadOnlyMemory<byte>> values, IEmitter emitter)
    {
        foreach (var value in values)
        {
            emitter.Emit(key, value.Span);
        }
    }

    public void Write(ReadOnlySpan<byte> key, ReadOnlySpan<byte> value, IBufferWriter<byte> output)
    {
        output.Write(value);
        output.GetSpan(1)[0] = (byte)'\n';
        output.Advance(1);
    }
}
