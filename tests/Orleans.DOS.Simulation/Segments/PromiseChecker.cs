namespace Orleans.DOS.Simulation.Segments;

/// <summary>
/// Knows only the promise: what was acknowledged is read back, once, in the order of its acknowledgement by one owner; a new owner
/// serves with all of it; an owner that was taken over acknowledges nothing that its successor lacks.
/// <para>
/// Why not simply "nothing": seed 89, when a refusal did not yet raise a replica's epoch, shows it. Epoch 6 had frame 154 at disks 3 and 1; disk 3
/// had it synced and said so (6763 ms). Epoch 7 sealed disk 3 at 300 bytes, did not hear disk 1, and took over with 154 (7057 ms).
/// Epoch 6 sent 154 again to disk 1, which knew of no takeover, got its Done, had the word of both and acknowledged (7070 ms).
/// That is no lie. An acknowledgement needs the word of all replicas, so also of the one on which the takeover rests. After its seal
/// that one refuses every word to the older epoch; before it, what it had is below the sealed length. So such a frame is kept, at a
/// place before all that the successor writes, while its caller still waits: as if it had been acknowledged just before the takeover.
/// Had the frame not been kept, the same acknowledgement would be a lost write, and that is what is looked for.
/// </para>
/// </summary>
/// <param name="durableOnly">Every copy of a frame may have lost its power: only what was acknowledged as durable must be there.</param>
public sealed class PromiseChecker(bool durableOnly)
{
    private readonly List<(int Value, bool Durable, long By)> _acknowledged = [];
    private readonly HashSet<int> _seen = [];
    private long _owner;
    private HashSet<int> _kept = [];

    private readonly HashSet<int> _dropped = [];

    public string? Violation { get; private set; }
    public int Count => _acknowledged.Count;

    /// <summary>The object was overwritten there: nobody expects these any more.</summary>
    public void Dropped(IEnumerable<int> values) => _dropped.UnionWith(values);

    public void Broken(string promise) => Violation ??= promise;

    /// <param name="kept">What the new owner's state contains.</param>
    public void Owns(long epoch, IEnumerable<int> kept)
    {
        if (epoch <= _owner)
        {
            return;
        }
        (_owner, _kept) = (epoch, [.. kept]);
        foreach (var (value, durable, by) in _acknowledged)
        {
            if (IsPromised(value, durable) && by < epoch && !_kept.Contains(value))
            {
                Violation ??= $"epoch {epoch} serves without {value}, which epoch {by} had acknowledged";
            }
        }
    }

    public void Acknowledged(long epoch, int value, bool durable)
    {
        if (epoch < _owner && IsPromised(value, durable) && !_kept.Contains(value))
        {
            Violation ??= $"epoch {epoch} acknowledged {value} after epoch {_owner} had taken over without it";
        }
        if (_seen.Add(value))
        {
            _acknowledged.Add((value, durable, epoch));
        }
    }

    public void Check(IReadOnlyList<int> read)
    {
        var found = read.ToHashSet();
        if (found.Count < read.Count)
        {
            Violation ??= $"{read.GroupBy(value => value).First(group => group.Count() > 1).Key} is there twice";
        }
        var order = read.Index().ToDictionary(item => item.Item, item => item.Index);
        foreach (var owner in _acknowledged.Where(item => order.ContainsKey(item.Value)).GroupBy(item => item.By))
        {
            var last = -1;
            foreach (var (value, _, _) in owner)
            {
                if (order[value] < last)
                {
                    Violation ??= $"{value} was acknowledged behind what is read behind it";
                }
                last = order[value];
            }
        }
        foreach (var (value, durable, _) in _acknowledged)
        {
            if (IsPromised(value, durable) && !found.Contains(value))
            {
                Violation ??= $"acknowledged {value} is gone";
            }
        }
    }

    private bool IsPromised(int value, bool durable) => (durable || !durableOnly) && !_dropped.Contains(value);
}
