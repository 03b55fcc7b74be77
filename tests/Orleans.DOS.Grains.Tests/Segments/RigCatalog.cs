using Orleans.DOS.Catalog;

namespace Orleans.DOS.Grains.Tests.Segments;

/// <summary>The catalog as one node sees it: a test may hold or break each of its transactions, and choose the numbers of new segments.</summary>
internal sealed class RigCatalog(SegmentRig rig, ICatalog inner) : ICatalog
{
    /// <summary>Gets the kind of transaction ("read", "write", "id") and what runs it; null lets it run.</summary>
    public Func<string, Func<Task>, Task?>? Bend { get; set; }

    /// <summary>Taken before the counter's.</summary>
    public Queue<long> Ids { get; } = new();

    public ISqlDialect Dialect => inner.Dialect;

    public Task<T> ReadAsync<T>(Func<ICatalogSession, Task<T>> work, CancellationToken cancellationToken = default) =>
        ThroughAsync("read", () => inner.ReadAsync(work, cancellationToken));

    public Task<T> WriteAsync<T>(Func<ICatalogSession, Task<T>> work, CancellationToken cancellationToken = default) =>
        ThroughAsync("write", () => inner.WriteAsync(work, cancellationToken));

    public Task<long> NextIdAsync(string counter, CancellationToken cancellationToken = default) =>
        ThroughAsync("id", () => Ids.TryDequeue(out var id) ? Task.FromResult(id) : inner.NextIdAsync(counter, cancellationToken));

    private async Task<T> ThroughAsync<T>(string kind, Func<Task<T>> run)
    {
        T result = default!;
        async Task RunAsync()
        {
            using (rig.Ask())
            {
                result = await run();
            }
        }
        await (Bend?.Invoke(kind, RunAsync) ?? RunAsync());
        return result;
    }
}
