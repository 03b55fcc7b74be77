using System.Buffers;
using Orleans.DOS.Processes;

namespace Orleans.DOS.Jobs;

/// <summary>
/// Sorts the lines of many files bytewise; each reducer holds one range of lines, so the parts in a row are the sorted whole.
/// Equal lines travel as one pair (line, how often), so that a million equal lines cost no more memory than one.
/// </summary>
[Program("sort", Summary = "sorts lines bytewise")]
public sealed class SortJob : IJobProgram
{
    public JobPartitioning Partitioning => JobPartitioning.Range;
    public bool CanCombine => true;

    public void Map(ReadOnlySpan<byte> record, IEmitter emitter) => emitter.Add(record, 1);

    public void Reduce(ReadOnlySpan<byte> key, IReadOnlyList<ReadOnlyMemory<byte>> values, IEmitter emitter) => emitter.Add(key, Sums.Of(values));

    public void Write(ReadOnlySpan<byte> key, ReadOnlySpan<byte> value, IBufferWriter<byte> output)
    {
        for (var left = Sums.Read(value); left > 0; left--)
        {
            output.Write(key);
            output.GetSpan(1)[0] = (byte)'\n';
            output.Advance(1);
        }
    }
}
