namespace Orleans.DOS.Jobs;

/// <summary>What is done with the values of one key that come together in a merge.</summary>
internal enum PairFold
{
    /// <summary>Nothing: all pairs are passed on.</summary>
    Keep,
    /// <summary>They are reduced if there is more than one (on a mapper, where that is optional).</summary>
    Combine,
    /// <summary>They are reduced, always.</summary>
    Reduce,
}

/// <summary>
/// Merges sorted sources: a binary heap by (key, number of the source), so that values of one key come in the order of the sources
/// and results do not depend on timing.
/// </summary>
internal static class PairMerge
{
    public static void Run(
        IReadOnlyList<IPairSource> sources, IJobProgram program, PairFold fold, TaskMemory memory, IEmitter sink, CancellationToken cancellationToken)
    {
        var heap = new SourceHeap(sources);
        var group = new ValueGroup(program, memory);
        var steps = 0;
        while (heap.Count > 0)
        {
            if ((++steps & 0xfff) == 0)
            {
                cancellationToken.ThrowIfCancellationRequested();
            }
            var first = heap.Top;
            if (fold == PairFold.Keep)
            {
                sink.Emit(first.Key, first.Value);
                heap.MoveTop();
                continue;
            }
            group.Begin(first.Key);
            do
            {
                group.Add(heap.Top.Value);
                heap.MoveTop();
            }
            while (heap.Count > 0 && heap.Top.Key.SequenceEqual(group.Key));
            if (fold == PairFold.Combine && group.Count == 1)
            {
                sink.Emit(group.Key, group[0].Span);
            }
            else
            {
                program.Reduce(group.Key, group, sink);
            }
        }
    }
}
