using System.Buffers;
using System.Globalization;
using Orleans.DOS.Processes;

namespace Orleans.DOS.Jobs;

/// <summary>
/// Does nothing, in as many tasks as asked (parameter <c>tasks</c>): shows what a task costs beside its work. Split by program; its one result
/// file for each partition is empty.
/// </summary>
[Program("empty", Summary = "does nothing, in many tasks")]
public sealed class EmptyJob : IJobProgram
{
    private int _tasks;

    public JobPartitioning Partitioning => JobPartitioning.Hash;
    public bool CanCombine => false;

    public void Configure(IReadOnlyDictionary<string, string> parameters)
    {
        if (!parameters.TryGetValue("tasks", out var tasks) || !int.TryParse(tasks, NumberStyles.None, CultureInfo.InvariantCulture, out _tasks) || _tasks < 1)
        {
            throw new DosException(DosErrorCode.InvalidArgument, "empty needs the parameter tasks=NUMBER");
        }
    }

    public int CountTasks() => _tasks;

    public void Map(ReadOnlySpan<byte> record, IEmitter emitter)
    {
    }

    /// <summary>Never asked for: Map emits nothing.</summary>
    public void Reduce(ReadOnlySpan<byte> key, IReadOnlyList<ReadOnlyMemory<byte>> values, IEmitter emitter)
    {
    }

    public void Write(ReadOnlySpan<byte> key, ReadOnlySpan<byte> value, IBufferWriter<byte> output)
    {
    }
}
