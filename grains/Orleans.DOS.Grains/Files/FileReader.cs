using Orleans.DOS.Catalog;
using Orleans.DOS.Segments;

namespace Orleans.DOS.Files;

/// <summary>
/// Reads content at the caller's node: makes the plan from rows when nobody owns the file, fetches the frames of a plan from the
/// nearest replicas, many ranges at once, and checks that each frame is of this file and of this place.
/// </summary>
public sealed class FileReader
{
    /// <summary>Raw bytes fetched from one segment in one call.</summary>
    private const int FetchBytesMax = 2 * FrameCodec.FrameBytesMax;

    /// <summary>Bytes between two wanted frames that are rather read than asked for separately.</summary>
    private const int GapBytesMax = 16 * 1024;

    private readonly ICatalog _catalog;
    private readonly IObjectLogs _logs;
    private readonly ReadPlans _plans;

    public FileReader(ICatalog catalog, IObjectLogs logs) => (_catalog, _logs, _plans) = (catalog, logs, new ReadPlans(PlanFromRowsAsync));

    /// <summary>The plan for a file that has no owner, for this range at least; null when the owner must be asked.</summary>
    /// <exception cref="DosException">NoSuchPath; IsADirectory.</exception>
    public Task<FileReadPlan?> PlanAsync(MachineId machine, InodeId inode, long position, int count) => _plans.FindAsync(machine, inode, position, EndOf(position, count));

    private async Task<FileReadPlan?> PlanFromRowsAsync(MachineId machine, InodeId inode, long start, long end)
    {
        // One statement, so that size and extents are of one moment.
        var rows = await _catalog.ReadAsync(session => session.QueryAsync<PlanRow>(
            "SELECT i.machine_id AS MachineId, i.kind AS Kind, i.size AS Size, i.open_epoch AS OpenEpoch, i.content AS Content, e.position AS Position, "
            + "e.length AS Length, e.segment_id AS SegmentId, e.segment_offset AS SegmentOffset, e.frame_payload AS FramePayload, e.payload_skip AS PayloadSkip "
            + "FROM dos_inodes i LEFT JOIN dos_extents e ON e.inode_id = i.inode_id AND e.position < @end "
            + "AND e.position >= (SELECT COALESCE(MAX(b.position), 0) FROM dos_extents b WHERE b.inode_id = @inode AND b.position <= @start) "
            + "WHERE i.inode_id = @inode ORDER BY e.position",
            new { inode = inode.Value, start, end }));
        if (rows.Count == 0 || rows[0].MachineId != machine.Value)
        {
            throw new DosException(DosErrorCode.NoSuchPath, $"there is no inode {inode}");
        }
        var first = rows[0];
        if (first.Kind != (long)InodeKind.File)
        {
            throw new DosException(DosErrorCode.IsADirectory, $"inode {inode} is not a file");
        }
        return first.OpenEpoch != 0 ? null : new FileReadPlan(
            first.Size, first.Content, rows.Where(row => row.Position is not null).Select(row => row.ToExtent()).Select(PlannedExtent.From).ToArray());
    }

    /// <summary>The bytes of a range as far as the file goes.</summary>
    /// <exception cref="DosException">Damaged, Unavailable.</exception>
    public async Task<byte[]> ReadAsync(InodeId inode, FileReadPlan plan, long position, int count)
    {
        var length = (int)Math.Clamp(plan.Size - position, 0, count);
        if (length == 0)
        {
            return [];
        }
        if (plan.Inline is { } inline)
        {
            return inline.AsSpan((int)position, length).ToArray();
        }
        var pieces = ExtentMap.Plan(plan.Extents.Select(extent => extent.ToExtent()).ToArray(), position, length)
            .Where(piece => piece.Segment is not null).ToArray();
        // Holes read as zeros; where there are none each byte is written below, or the read fails.
        var content = pieces.Sum(static piece => piece.Length) == length ? GC.AllocateUninitializedArray<byte>(length) : new byte[length];
        await Task.WhenAll(Fetches(pieces).Select(fetch => FetchAsync(inode, fetch, content, position)));
        return content;
    }

    private static long EndOf(long position, int count) => position > long.MaxValue - count ? long.MaxValue : position + count;

    /// <summary>Pieces that lie near each other in one segment come with one call.</summary>
    private static IEnumerable<IReadOnlyList<ReadPiece>> Fetches(IReadOnlyList<ReadPiece> pieces)
    {
        List<ReadPiece> fetch = [];
        foreach (var piece in pieces.OrderBy(piece => piece.Segment!.Value.Value).ThenBy(piece => piece.FrameOffset))
        {
            if (fetch.Count > 0 && (fetch[0].Segment != piece.Segment || piece.FrameEnd - fetch[0].FrameOffset > FetchBytesMax
                || piece.FrameOffset - fetch[^1].FrameEnd > GapBytesMax))
            {
                yield return fetch;
                fetch = [];
            }
            fetch.Add(piece);
        }
        if (fetch.Count > 0)
        {
            yield return fetch;
        }
    }

    private async Task FetchAsync(InodeId inode, IReadOnlyList<ReadPiece> pieces, byte[] content, long position)
    {
        var segment = pieces[0].Segment!.Value;
        var next = 0;
        while (next < pieces.Count)
        {
            var offset = pieces[next].FrameOffset;
            // Up to the end of the last frame, though less of it may be wanted: a part of a frame cannot be checked, and would be read again as a whole.
            var raw = await _logs.ReadAsync(segment, offset, (int)Math.Min(pieces[^1].FrameEnd - offset, FetchBytesMax));
            var before = next;
            foreach (var frame in FrameRun.Of(raw, offset, ObjectId.File(inode), segment))
            {
                for (; next < pieces.Count && pieces[next].FrameOffset == frame.Offset; next++)
                {
                    var piece = pieces[next];
                    if (piece.Within + piece.Length > frame.Payload.Length)
                    {
                        throw Damaged(segment, frame.Offset, "is shorter than the extent says");
                    }
                    frame.Payload.Span.Slice(piece.Within, piece.Length).CopyTo(content.AsSpan((int)(piece.Position - position)));
                }
            }
            if (next == before)
            {
                throw Damaged(segment, offset, "is not there");
            }
        }
    }

    private static DosException Damaged(SegmentId segment, long offset, string what) =>
        new(DosErrorCode.Damaged, $"the frame at {offset} of segment {segment} {what}");

    private sealed class PlanRow
    {
        public long MachineId { get; set; }
        public long Kind { get; set; }
        public long Size { get; set; }
        public long OpenEpoch { get; set; }
        public byte[]? Content { get; set; }
        public long? Position { get; set; }
        public long? Length { get; set; }
        public long? SegmentId { get; set; }
        public long? SegmentOffset { get; set; }
        public long? FramePayload { get; set; }
        public long? PayloadSkip { get; set; }

        public Extent ToExtent() =>
            new(Position!.Value, Length!.Value, new SegmentId(SegmentId!.Value), SegmentOffset!.Value, (int)FramePayload!.Value, (int)PayloadSkip!.Value);
    }
}
