namespace Orleans.DOS.Jobs;

/// <summary>A binary heap of sorted sources; the top one has the smallest (key, number).</summary>
internal sealed class SourceHeap
{
    private readonly Node[] _nodes;

    private readonly record struct Node(ulong Prefix, int Number, IPairSource Source);

    public SourceHeap(IReadOnlyList<IPairSource> sources)
    {
        _nodes = new Node[sources.Count];
        for (var number = 0; number < sources.Count; number++)
        {
            if (sources[number].MoveNext())
            {
                _nodes[Count++] = new Node(KeyOrder.Prefix(sources[number].Key), number, sources[number]);
            }
        }
        for (var at = (Count / 2) - 1; at >= 0; at--)
        {
            SiftDown(at);
        }
    }

    public int Count { get; private set; }

    public IPairSource Top => _nodes[0].Source;

    /// <summary>Moves the top source to its next pair, or drops it at its end.</summary>
    public void MoveTop()
    {
        var top = _nodes[0];
        _nodes[0] = top.Source.MoveNext() ? top with { Prefix = KeyOrder.Prefix(top.Source.Key) } : _nodes[--Count];
        if (Count > 1)
        {
            SiftDown(0);
        }
    }

    private void SiftDown(int at)
    {
        var moving = _nodes[at];
        while (true)
        {
            var child = (2 * at) + 1;
            if (child >= Count)
            {
                break;
            }
            if (child + 1 < Count && IsBefore(_nodes[child + 1], _nodes[child]))
            {
                child++;
            }
            if (!IsBefore(_nodes[child], moving))
            {
                break;
            }
            _nodes[at] = _nodes[child];
            at = child;
        }
        _nodes[at] = moving;
    }

    private static bool IsBefore(in Node left, in Node right)
    {
        if (left.Prefix != right.Prefix)
        {
            return left.Prefix < right.Prefix;
        }
        var order = left.Source.Key.SequenceCompareTo(right.Source.Key);
        return order != 0 ? order < 0 : left.Number < right.Number;
    }
}
