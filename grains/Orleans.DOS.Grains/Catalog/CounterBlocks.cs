using System.Collections.Concurrent;

namespace Orleans.DOS.Catalog;

/// <summary>
/// Numbers from dos_counters, taken in blocks of <see cref="Limits.CatalogIdBlock"/>. The counter moves first, in its own durable
/// transaction; so whatever becomes of this process, a number of its block is never given again.
/// </summary>
internal sealed class CounterBlocks(ICatalog catalog)
{
    private readonly ConcurrentDictionary<string, Block> blocks = new(StringComparer.Ordinal);

    public async Task<long> NextAsync(string counter, CancellationToken cancellationToken)
    {
        var block = blocks.GetOrAdd(counter, static _ => new Block());
        await block.Turn.WaitAsync(cancellationToken);
        try
        {
            if (block.Next == block.End)
            {
                var first = await TakeAsync(counter, cancellationToken);
                (block.Next, block.End) = (first, first + Limits.CatalogIdBlock);
            }
            return block.Next++;
        }
        finally
        {
            block.Turn.Release();
        }
    }

    private async Task<long> TakeAsync(string counter, CancellationToken cancellationToken)
    {
        var size = (long)Limits.CatalogIdBlock;
        var first = await catalog.WriteAsync(session => session.QueryFirstAsync<long?>(
            "UPDATE dos_counters SET next = next + @size WHERE name = @counter RETURNING next - @size", new { counter, size }), cancellationToken);
        return first ?? throw new ArgumentException($"There is no counter '{counter}' in dos_counters", nameof(counter));
    }

    /// <summary>Next &lt;= End; guarded by Turn.</summary>
    private sealed class Block
    {
        public readonly SemaphoreSlim Turn = new(1, 1);
        public long Next;
        public long End;
    }
}
