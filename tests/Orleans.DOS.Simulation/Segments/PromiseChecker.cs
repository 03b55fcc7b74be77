namespace Orleans.DOS.Simulation.Segments;

/// <summary>
/// Knows only the promise: what was acknowledged is read back, once or in the order of its acknowledgement (a retried frame may also
/// lie in a tail of unknown outcome), and an owner that was taken over acknowledges nothing.
/// </summary>
public sealed class PromiseChecker
{
    private readonly List<(int Value, bool Durable)> _acknowledged = [];
    private readonly HashSet<int> _seen = [];
    private long _owner;

    public string? Violation { get; private set; }
    public int Count => _acknowledged.Count;

    public void Owns(long epoch) => _owner = Math.Max(_owner, epoch);

    public void Acknowledged(long epoch, int value, bool durable)
    {
        if (epoch < _owner)
        {
            Violation ??= $"epoch {epoch} acknowledged {value} after epoch {_owner} had taken over";
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
