using Orleans.DOS.Catalog;

namespace Orleans.DOS.Grains.Tests.Catalog;

/// <summary>A catalog whose reads a test can have fail, or find nothing; it counts them.</summary>
internal sealed class SwitchedCatalog(ICatalog inner) : ICatalog
{
    private int _reads;

    /// <summary>What a read meets before it comes to the database: nothing (null), <see cref="Away"/> or <see cref="Empty"/>.</summary>
    public Func<bool>? Answer { get; set; }

    public static Func<bool> Away { get; } = () => throw new DosException(DosErrorCode.Unavailable, "the catalog is away");

    /// <summary>Saves a test thousands of questions whose answer it knows.</summary>
    public static Func<bool> Empty { get; } = () => true;

    public int Reads => Volatile.Read(ref _reads);
    public ISqlDialect Dialect => inner.Dialect;

    public async Task<T> ReadAsync<T>(Func<ICatalogSession, Task<T>> work, CancellationToken cancellationToken = default)
    {
        Interlocked.Increment(ref _reads);
        return Answer?.Invoke() == true ? default! : await inner.ReadAsync(work, cancellationToken);
    }

    public Task<T> WriteAsync<T>(Func<ICatalogSession, Task<T>> work, CancellationToken cancellationToken = default) => inner.WriteAsync(work, cancellationToken);

    public Task<long> NextIdAsync(string counter, CancellationToken cancellationToken = default) => inner.NextIdAsync(counter, cancellationToken);
}
