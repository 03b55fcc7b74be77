namespace Orleans.DOS.Jobs;

/// <summary>
/// Takes what Map emits. Sums and pairs stay in memory up to <see cref="TaskMemory.TableBytesMax"/>; then they are sorted by (partition,
/// key) and spilled as a run; the end merges the runs, partition by partition, into the attempt's file.
/// </summary>
internal sealed class MapCollector(IJobProgram program, TaskStart task, TaskMemory memory, string scratchDirectory) : IEmitter, IDisposable
{
    private readonly SumTable _sums = new();
    private readonly PairList _pairs = new();
    private readonly List<(ScratchRun Run, (long Position, long Length)[] Partitions)> _runs = [];
    private readonly int _partitions = Math.Max(1, task.Partitions);

    /// <summary>Runs spilled so far.</summary>
    public int Runs => _runs.Count;

    public void Add(ReadOnlySpan<byte> key, long delta)
    {
        var before = _sums.Count;
        _sums.Add(key, delta);
        if (_sums.Count != before)
        {
            SpillIfLarge();
        }
    }

    public void Emit(ReadOnlySpan<byte> key, ReadOnlySpan<byte> value)
    {
        _pairs.Add(key, value);
        SpillIfLarge();
    }

    /// <summary>Writes everything to the output.</summary>
    /// <returns>Where each partition begins and how long it is.</returns>
    public IReadOnlyList<(long Position, long Length)> Finish(OutputWriter output, CancellationToken cancellationToken)
    {
        if (_runs.Count == 0)
        {
            var table = Sorted();
            return WritePartitions(table.Of, new PairEmitter(output), () => output.Position, cancellationToken);
        }
        Spill();
        while (_runs.Count > memory.MergeSourcesMax)
        {
            MergeOldestRuns(cancellationToken);
        }
        return WritePartitions(partition => Open(_runs, partition), new PairEmitter(output), () => output.Position, cancellationToken);
    }

    private void SpillIfLarge()
    {
        if (_sums.Bytes + _pairs.Bytes > memory.TableBytesMax)
        {
            Spill();
        }
    }

    private void Spill()
    {
        var run = new ScratchRun(scratchDirectory);
        var table = Sorted();
        _runs.Add((run, []));
        var partitions = WritePartitions(table.Of, new PairEmitter(run), () => run.Length, CancellationToken.None);
        run.Flush();
        _runs[^1] = (run, partitions);
        _sums.Clear();
        _pairs.Clear();
    }

    /// <summary>Neighbours only, and the outcome takes their place, so that values keep their order.</summary>
    private void MergeOldestRuns(CancellationToken cancellationToken)
    {
        var merged = _runs[..memory.MergeSourcesMax];
        var run = new ScratchRun(scratchDirectory);
        var partitions = WritePartitions(partition => Open(merged, partition), new PairEmitter(run), () => run.Length, cancellationToken);
        run.Flush();
        _runs.RemoveRange(0, merged.Count);
        _runs.Insert(0, (run, partitions));
        merged.ForEach(old => old.Run.Dispose());
    }

    private SortedTable Sorted() => new(_sums, _pairs, PartitionOf);

    private (long Position, long Length)[] WritePartitions(
        Func<int, IReadOnlyList<IPairSource>> sources, IEmitter sink, Func<long> position, CancellationToken cancellationToken)
    {
        var places = new (long Position, long Length)[_partitions];
        for (var partition = 0; partition < _partitions; partition++)
        {
            var begin = position();
            PairMerge.Run(sources(partition), program, program.CanCombine ? PairFold.Combine : PairFold.Keep, memory, sink, cancellationToken);
            places[partition] = (begin, position() - begin);
        }
        return places;
    }

    private List<IPairSource> Open(List<(ScratchRun Run, (long Position, long Length)[] Partitions)> runs, int partition)
    {
        var bytes = memory.SourceBytes(runs.Count);
        return runs.ConvertAll<IPairSource>(run => new PairReader(run.Run.Read(run.Partitions[partition].Position, run.Partitions[partition].Length, bytes)));
    }

    private int PartitionOf(ReadOnlySpan<byte> key) => program.Partitioning == JobPartitioning.Range
        ? Partitioner.ByRange(key, task.Boundaries)
        : Partitioner.ByHash(key, _partitions);

    public void Dispose() => _runs.ForEach(run => run.Run.Dispose());
}
