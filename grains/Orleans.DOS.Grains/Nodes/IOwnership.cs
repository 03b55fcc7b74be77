using Orleans.DOS.Catalog;

namespace Orleans.DOS.Nodes;

/// <summary>
/// Ownership and epochs (design, section 4): raising the epoch by compare-and-swap, waiting until every earlier owner has dropped
/// the object or is fenced, and the guard that makes every catalog write of an owner conditional on its epoch.
/// </summary>
public interface IOwnership
{
    /// <summary>
    /// Makes this node the owner and answers the new epoch when no earlier owner can act any more; registers <paramref name="owned"/>
    /// (built from the epoch) so that a later owner can ask for it to be dropped.
    /// </summary>
    /// <exception cref="DosException">Unavailable: an earlier owner can neither be reached nor is fenced yet (RetryAfter is set); or the catalog is away.</exception>
    Task<long> TakeAsync(ObjectId target, Func<long, IOwnedObject> owned, CancellationToken cancellationToken = default);

    /// <summary>Gives ownership up in memory (the epoch stays; the next owner needs not wait).</summary>
    Task ReleaseAsync(IOwnedObject owned);
}

public static class OwnershipGuard
{
    /// <summary>
    /// First statement of every catalog transaction made on behalf of an owner: locks the owner row (FOR SHARE) and compares the
    /// epoch, so that raising the epoch waits for writes in flight.
    /// </summary>
    /// <exception cref="DosException">Stale: a newer owner exists; the caller must stop owning.</exception>
    public static async Task RequireEpochAsync(this ICatalogSession session, ObjectId target, long epoch)
    {
        var current = await session.QueryFirstAsync<long?>(
            $"SELECT epoch FROM dos_owners WHERE object = @target {session.Dialect.ForShare}", new { target = target.ToString() });
        if (current != epoch)
        {
            throw new DosException(DosErrorCode.Stale, $"{target} is owned under epoch {current}, not {epoch}");
        }
    }
}
