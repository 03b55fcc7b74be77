namespace Orleans.DOS.Simulation.Segments;

/// <summary>
/// Knows only the promise: what was acknowledged is read back, once or in the order of its acknowledgement (a retried frame may also
/// lie in a tail of unknown outcome), and an owner that was
/// taken over acknowledges nothing that its successor lacks. An answer that was on its way during the takeover may still be counted:
/// its frame was kept, and nobody is told of anything that is not so.
/// </summary>
public sealed class PromiseChecker
{
    private readonly List<(int Value, bool Durable)> _acknowledged = [];
    private readonly HashSet<int> _seen = [];
    private long _owner;
    private HashSet<int> _kept = [];

    public string? Violation { get; private set; }
    public int Count => _acknowledged.Count;

    /// <param name="kept">What the new owner's state contains.</param>
    public void Owns(long epoch, IEnumerable<int> kept)
    {
        if (epoch > _owner)
        {
            (_owner, _kept) = (epoch, [.. kept]);
        }
    }

    public void Acknowledged(long epoch, int value, bool durable)
    {
        if (epoch < _owner && !_kept.Contains(value))
        {
            Violation ??= $"epoch {epoch} acknowledged {value} after epoch {_owner} had taken over without it";
        }
        if (_seen.Add(value))
        {
            _acknowledged.Add((value, durable));
        }
    }

    public void Check(IReadOnlyList<int> read, bool durableOnly)
    {
        var found = read.ToHashSet();
        foreach (var (value, durable) in _acknowledged)
        {
            if ((durable || !durableOnly) && !found.Contains(value))
            {
                Violation ??= $"acknowledged {value} is gone";
            }
        }
    }
}
