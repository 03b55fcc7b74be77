namespace Orleans.DOS.Jobs;

/// <summary>
/// A program whose work can be split: Map is called once per record of the input, Combine folds values of one key on the mapper
/// (where that makes the data smaller), Reduce sees all values of one key. Keys and values are bytes; keys are compared bytewise.
/// All three must be deterministic: a task may run again elsewhere, and only one run counts. An instance serves one task, one
/// call at a time, so it may keep buffers.
/// </summary>
public interface IJobProgram
{
    JobPartitioning Partitioning { get; }
    /// <summary>Whether <see cref="Reduce"/> may also be applied to parts of a key's values on the mapper, any number of times.</summary>
    bool CanCombine { get; }
    /// <summary>Told once, before anything else, what <see cref="JobSpec.Parameters"/> says.</summary>
    /// <exception cref="DosException">InvalidArgument: a parameter is missing or makes no sense.</exception>
    void Configure(IReadOnlyDictionary<string, string> parameters) { }
    /// <summary>
    /// Of <see cref="JobSplit.ByProgram"/>, after <see cref="Configure"/>: how many map tasks the work makes of itself, at least 1. Nothing is read:
    /// Map is called once in each, with the task's number (from 0, in ASCII digits) as its record.
    /// </summary>
    /// <exception cref="DosException">NotSupported: the program works over an input. InvalidArgument: a parameter is missing or makes no sense.</exception>
    int CountTasks() => throw new DosException(DosErrorCode.NotSupported, "the program does not split its work itself: it needs an input");
    /// <param name="record">One line without its LF. A CR before it belongs to the line, as with the GNU tools.</param>
    void Map(ReadOnlySpan<byte> record, IEmitter emitter);
    /// <summary>Folds the values of one key; emits any number of pairs with this key.</summary>
    void Reduce(ReadOnlySpan<byte> key, IReadOnlyList<ReadOnlyMemory<byte>> values, IEmitter emitter);
    /// <summary>Writes one pair of the result, e.g. "key TAB value LF".</summary>
    void Write(ReadOnlySpan<byte> key, ReadOnlySpan<byte> value, System.Buffers.IBufferWriter<byte> output);
}

public interface IEmitter
{
    void Emit(ReadOnlySpan<byte> key, ReadOnlySpan<byte> value);

    /// <summary>Adds to the sum kept for the key: the value is a little-endian 64-bit number. Spares an allocation per record when counting.</summary>
    void Add(ReadOnlySpan<byte> key, long delta);
}
