using System.Collections.Concurrent;

namespace Orleans.DOS.Nodes;

/// <summary>What this node owns. Owners add themselves when they have taken an object over and remove themselves when they stop.</summary>
public sealed class OwnedObjects : IOwnedObjects
{
    private readonly ConcurrentDictionary<(ObjectId, long), IOwnedObject> _owned = [];

    public void Add(IOwnedObject owned) => _owned[(owned.Object, owned.Epoch)] = owned;

    public void Remove(IOwnedObject owned) => _owned.TryRemove(KeyValuePair.Create((owned.Object, owned.Epoch), owned));

    /// <summary>Ends every owner of the object with an older epoch (Orleans may have made two); true also when there was none.</summary>
    public async Task<bool> DropAsync(ObjectId target, long belowEpoch)
    {
        foreach (var owned in _owned.Values.Where(owned => owned.Object == target && owned.Epoch < belowEpoch).ToList())
        {
            await owned.DropAsync().ConfigureAwait(false);
            Remove(owned);
        }
        return true;
    }
}
