using Orleans.DOS.Catalog;
using Orleans.DOS.Segments;

namespace Orleans.DOS.Checks;

/// <summary>Each part of a file lies in a segment of that file, before its end, and under no other part.</summary>
internal sealed class ExtentCheck(ICatalog catalog)
{
    private const int RowsMax = 512;

    private sealed record ExtentRow
    {
        public long InodeId { get; init; }
        public long Position { get; init; }
        public long Length { get; init; }
        public long SegmentId { get; init; }
        public long SegmentOffset { get; init; }
        public long FramePayload { get; init; }
        public long PayloadSkip { get; init; }
        public long HasInode { get; init; }
        public long? State { get; init; }
        public long? Sealed { get; init; }
        public string? Object { get; init; }

        public ExtentFacts Facts => new(Position, Length, SegmentOffset, FramePayload, PayloadSkip);
    }

    public async Task<CheckCursor?> StepAsync(CheckRun run, CheckCursor at)
    {
        // From the last row of the step before, which the next one may overlap.
        var rows = await catalog.ReadAsync(session => session.QueryAsync<ExtentRow>(
            "SELECT e.inode_id AS InodeId, e.position AS Position, e.length AS Length, e.segment_id AS SegmentId, e.segment_offset AS SegmentOffset, "
            + "e.frame_payload AS FramePayload, e.payload_skip AS PayloadSkip, CASE WHEN i.inode_id IS NULL THEN 0 ELSE 1 END AS HasInode, "
            + "s.state AS State, s.length AS Sealed, s.object AS Object FROM dos_extents e LEFT JOIN dos_inodes i ON i.inode_id = e.inode_id "
            + "LEFT JOIN dos_segments s ON s.segment_id = e.segment_id WHERE (e.inode_id, e.position) >= (@inode, @position) "
            + "ORDER BY e.inode_id, e.position LIMIT @rowsMax", new { inode = at.First, position = at.Second, rowsMax = RowsMax }));
        var begin = rows.Count > 0 && (rows[0].InodeId, rows[0].Position) == (at.First, at.Second) ? 1 : 0;
        for (var index = begin; index < rows.Count; index++)
        {
            var (row, before) = (rows[index], index > 0 ? rows[index - 1] : null);
            run.Count(extents: 1);
            if (row.HasInode == 0)
            {
                await TellOrphanAsync(run, row);
            }
            else if (Wrong(row, before) is { } wrong)
            {
                run.Add(new Finding
                {
                    Kind = FindingKind.Extent, Segment = row.SegmentId, Bytes = row.Length, Mend = run.IsMending ? MendState.NotPossible : MendState.None,
                    Path = await catalog.ReadAsync(session => InodePaths.FindAsync(session, row.InodeId)),
                    Text = $"{row.Length} bytes from {row.Position} of inode {row.InodeId} {wrong}: they are to be restored from elsewhere",
                });
            }
        }
        return rows.Count == RowsMax ? at with { First = rows[^1].InodeId, Second = rows[^1].Position } : null;
    }

    private static string? Wrong(ExtentRow row, ExtentRow? before) => row switch
    {
        { State: null } => $"are in segment {row.SegmentId}, which is not there",
        { State: SegmentRow.Deleting } => $"are in segment {row.SegmentId}, which is being deleted",
        _ when row.Object != new ObjectId(ObjectKind.File, row.InodeId).ToString() => $"are in segment {row.SegmentId}, which is of {row.Object}",
        _ when ExtentJudgement.EndInSegment(row.Facts, FrameCodec.HeaderBytes) is var end && (end < 0 || (row.State == SegmentRow.Sealed && end > row.Sealed)) =>
            $"are behind the end of segment {row.SegmentId}",
        _ when before?.InodeId == row.InodeId && before.Position + before.Length > row.Position => "are under others",
        _ => null,
    };

    private static async Task TellOrphanAsync(CheckRun run, ExtentRow row)
    {
        var mend = await run.MendAsync(session => session.ExecuteAsync(
            "DELETE FROM dos_extents WHERE inode_id = @inode AND position = @position AND NOT EXISTS (SELECT 1 FROM dos_inodes i WHERE i.inode_id = @inode)",
            new { inode = row.InodeId, position = row.Position }));
        run.Add(new Finding
        {
            Kind = FindingKind.Orphan, Segment = row.SegmentId, Bytes = row.Length, Mend = mend, Text = $"content of inode {row.InodeId}, which is not there",
        });
    }
}
