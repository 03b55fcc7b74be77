using Orleans.DOS.Files;

namespace Orleans.DOS.Jobs;

/// <summary>
/// The map outputs of one partition as sorted sources. When there are more than one merge may hold open, neighbours are first merged
/// into runs on the local disk.
/// </summary>
internal sealed class ReduceInputs : IDisposable
{
    private readonly List<IDisposable> _open = [];

    public ReduceInputs(TaskStart task, IFiles files, IJobProgram program, TaskMemory memory, string scratchDirectory, CancellationToken cancellationToken)
    {
        var inputs = task.Inputs.Where(input => input.Length > 0).ToArray();
        try
        {
            if (inputs.Length <= memory.MergeSourcesMax)
            {
                Sources = [.. inputs.Select(input => Open(files, input, memory.SourceBytes(inputs.Length), cancellationToken))];
                return;
            }
            var runs = new List<ScratchRun>();
            foreach (var some in inputs.Chunk(memory.MergeSourcesMax))
            {
                runs.Add(Merge(some, files, program, memory, scratchDirectory, cancellationToken));
            }
            Sources = runs.ConvertAll<IPairSource>(run => new PairReader(run.Read(0, run.Length, memory.SourceBytes(runs.Count))));
        }
        catch
        {
            Dispose();
            throw;
        }
    }

    public IReadOnlyList<IPairSource> Sources { get; }

    /// <summary>Pairs read from the map outputs so far.</summary>
    public long Pairs { get; private set; }

    private ScratchRun Merge(TaskInput[] inputs, IFiles files, IJobProgram program, TaskMemory memory, string scratchDirectory, CancellationToken cancellationToken)
    {
        var run = new ScratchRun(scratchDirectory);
        _open.Add(run);
        var sources = inputs.Select(input => Open(files, input, memory.SourceBytes(inputs.Length), cancellationToken)).ToArray();
        PairMerge.Run(sources, program, program.CanCombine ? PairFold.Combine : PairFold.Keep, memory, new PairEmitter(run), cancellationToken);
        run.Flush();
        foreach (var source in sources)
        {
            _open.Remove(source);
            source.Dispose();
        }
        return run;
    }

    private PairReader Open(IFiles files, TaskInput input, int bytes, CancellationToken cancellationToken)
    {
        var reader = new PairReader(InputException.Of(input.Path, () => ReadAhead.OpenExactly(files, input, bytes, cancellationToken)), () => Pairs++);
        _open.Add(reader);
        return reader;
    }

    public void Dispose()
    {
        _open.ForEach(open => open.Dispose());
        _open.Clear();
    }
}
