namespace Orleans.DOS.Jobs;

/// <summary>The median of all durations told so far, in two heaps: the lower half and the upper half, of which the lower may have one more.</summary>
public sealed class RunningMedian
{
    private readonly PriorityQueue<TimeSpan, long> _lower = new();
    private readonly PriorityQueue<TimeSpan, long> _upper = new();

    /// <summary>Null before the first.</summary>
    public TimeSpan? Median => _lower.Count == 0 ? null : _lower.Peek();

    public void Add(TimeSpan duration)
    {
        if (_lower.Count == 0 || duration <= _lower.Peek())
        {
            _lower.Enqueue(duration, -duration.Ticks);
        }
        else
        {
            _upper.Enqueue(duration, duration.Ticks);
        }
        if (_lower.Count > _upper.Count + 1)
        {
            var moved = _lower.Dequeue();
            _upper.Enqueue(moved, moved.Ticks);
        }
        else if (_upper.Count > _lower.Count)
        {
            var moved = _upper.Dequeue();
            _lower.Enqueue(moved, -moved.Ticks);
        }
    }
}
