namespace Orleans.DOS.Files;

/// <summary>
/// File range -> segment range of one file. Extents are ordered, do not overlap, and have no zero length; what lies between them
/// reads as zeros. A new write lies over older ones.
/// </summary>
public sealed class ExtentMap
{
    private readonly List<Extent> _extents;

    public ExtentMap(IEnumerable<Extent>? extents = null)
    {
        _extents = extents?.OrderBy(extent => extent.Position).ToList() ?? [];
        for (var index = 1; index < _extents.Count; index++)
        {
            if (_extents[index - 1].End > _extents[index].Position)
            {
                throw new InvalidOperationException($"extents overlap at position {_extents[index].Position}");
            }
        }
    }

    public IReadOnlyList<Extent> Extents => _extents;

    /// <summary>Lays one data frame over what was there.</summary>
    public void Write(long position, int length, SegmentId segment, long segmentOffset)
    {
        if (length == 0)
        {
            return;
        }
        var frame = new Extent(position, length, segment, segmentOffset, length, 0);
        Clear(position, frame.End);
        var index = FirstEndingBehind(position);
        if (index > 0 && _extents[index - 1].IsContinuedBy(frame))
        {
            _extents[index - 1] = _extents[index - 1] with { Length = _extents[index - 1].Length + length };
        }
        else
        {
            _extents.Insert(index, frame);
        }
    }

    /// <summary>Forgets everything from <paramref name="size"/> on.</summary>
    public void Truncate(long size) => Clear(size, long.MaxValue);

    /// <summary>How to read a range: pieces in order, without gaps, each at most one frame or one hole.</summary>
    public IReadOnlyList<ReadPiece> Plan(long position, int count) => Plan(_extents, FirstEndingBehind(position), position, count);

    /// <summary>The extents that a range touches.</summary>
    public IReadOnlyList<Extent> Overlapping(long position, int count) =>
        _extents.Skip(FirstEndingBehind(position)).TakeWhile(extent => extent.Position < position + count).ToArray();

    /// <summary>The same over extents as they stand in the catalog, ordered by position.</summary>
    public static IReadOnlyList<ReadPiece> Plan(IReadOnlyList<Extent> extents, long position, int count) => Plan(extents, 0, position, count);

    /// <summary>What must be done to the checkpointed rows so that they say what this map says: rows to delete by position, rows to write.</summary>
    public (IReadOnlyList<long> Delete, IReadOnlyList<Extent> Put) Difference(IReadOnlyDictionary<long, Extent> checkpointed)
    {
        var present = _extents.Select(extent => extent.Position).ToHashSet();
        var delete = checkpointed.Keys.Where(position => !present.Contains(position)).ToList();
        var put = _extents.Where(extent => !checkpointed.TryGetValue(extent.Position, out var row) || row != extent).ToList();
        return (delete, put);
    }

    private static List<ReadPiece> Plan(IReadOnlyList<Extent> extents, int index, long position, int count)
    {
        List<ReadPiece> pieces = [];
        var end = position + count;
        for (; position < end && index < extents.Count; index++)
        {
            var extent = extents[index];
            if (extent.End <= position)
            {
                continue;
            }
            if (extent.Position > position)
            {
                var hole = Math.Min(extent.Position, end) - position;
                pieces.Add(ReadPiece.Hole(position, (int)hole));
                position += hole;
            }
            while (position < end && position < extent.End)
            {
                var (offset, within) = extent.Find(position);
                var length = Math.Min(extent.FramePayload - within, Math.Min(end, extent.End) - position);
                pieces.Add(new ReadPiece(position, extent.Segment, offset, within, (int)length, extent.FramePayload));
                position += length;
            }
        }
        if (position < end)
        {
            pieces.Add(ReadPiece.Hole(position, (int)(end - position)));
        }
        return pieces;
    }

    private void Clear(long from, long to)
    {
        var index = FirstEndingBehind(from);
        if (index < _extents.Count && _extents[index].Position < from)
        {
            var cut = _extents[index];
            _extents[index++] = cut.CutEnd(from);
            if (cut.End > to)
            {
                _extents.Insert(index, cut.CutStart(to));
                return;
            }
        }
        var last = index;
        while (last < _extents.Count && _extents[last].End <= to)
        {
            last++;
        }
        _extents.RemoveRange(index, last - index);
        if (index < _extents.Count && _extents[index].Position < to)
        {
            _extents[index] = _extents[index].CutStart(to);
        }
    }

    private int FirstEndingBehind(long position)
    {
        var (low, high) = (0, _extents.Count);
        while (low < high)
        {
            var middle = (low + high) / 2;
            (low, high) = _extents[middle].End <= position ? (middle + 1, high) : (low, middle);
        }
        return low;
    }
}
