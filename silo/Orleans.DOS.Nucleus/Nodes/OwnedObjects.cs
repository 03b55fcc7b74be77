namespace Orleans.DOS.Nodes;

/// <summary>
/// What this node owns. It also remembers for a while what it was asked to drop, so that an owner that registers late, after its
/// successor has already asked, is refused instead of serving beside it.
/// </summary>
public sealed class OwnedObjects(TimeProvider time) : IOwnedObjects
{
    /// <summary>Longer than any taking of ownership lasts (it gives up after seconds), so that none can register behind it.</summary>
    private static readonly TimeSpan RefusalRetention = TimeSpan.FromMinutes(1);

    /// <summary>Refusals kept before old ones are looked for.</summary>
    private const int RefusalsBeforeSweep = 4096;

    private readonly Lock _guard = new();
    private readonly Dictionary<ObjectId, List<IOwnedObject>> _owned = [];
    private readonly Dictionary<ObjectId, (long BelowEpoch, DateTimeOffset At)> _refused = [];

    /// <exception cref="DosException">Stale: a later owner has asked for the object already.</exception>
    public void Add(IOwnedObject owned)
    {
        lock (_guard)
        {
            if (_refused.TryGetValue(owned.Object, out var refusal) && owned.Epoch < refusal.BelowEpoch)
            {
                throw new DosException(DosErrorCode.Stale, $"{owned.Object} was taken over before epoch {owned.Epoch} could begin here");
            }
            if (!_owned.TryGetValue(owned.Object, out var list))
            {
                _owned.Add(owned.Object, list = []);
            }
            list.Add(owned);
        }
    }

    public void Remove(IOwnedObject owned)
    {
        lock (_guard)
        {
            if (_owned.TryGetValue(owned.Object, out var list) && list.Remove(owned) && list.Count == 0)
            {
                _owned.Remove(owned.Object);
            }
        }
    }

    public async Task<bool> DropAsync(ObjectId target, long belowEpoch)
    {
        IOwnedObject[] dropped;
        lock (_guard)
        {
            Refuse(target, belowEpoch);
            dropped = _owned.TryGetValue(target, out var list) ? list.Where(owned => owned.Epoch < belowEpoch).ToArray() : [];
        }
        foreach (var owned in dropped)
        {
            await owned.DropAsync().ConfigureAwait(false);
            Remove(owned);
        }
        return true;
    }

    private void Refuse(ObjectId target, long belowEpoch)
    {
        var now = time.GetUtcNow();
        if (_refused.Count >= RefusalsBeforeSweep)
        {
            foreach (var old in _refused.Where(entry => now - entry.Value.At > RefusalRetention).Select(entry => entry.Key).ToArray())
            {
                _refused.Remove(old);
            }
        }
        var highest = _refused.TryGetValue(target, out var known) ? Math.Max(known.BelowEpoch, belowEpoch) : belowEpoch;
        _refused[target] = (highest, now);
    }
}
