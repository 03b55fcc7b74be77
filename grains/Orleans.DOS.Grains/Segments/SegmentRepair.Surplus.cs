using Microsoft.Extensions.Logging;
using Orleans.DOS.Catalog;

namespace Orleans.DOS.Segments;

/// <summary>
/// What is too much: replicas above the wanted number, and segments that were released. Only what can be done now is asked for, page by page, and
/// one node that does not answer stands in nobody's way: rows of nodes that never come back are passed over by the database.
/// </summary>
public sealed partial class SegmentRepair
{
    /// <summary>Deletes what was released long enough ago: the files first, then the rows that know of them.</summary>
    internal async Task CollectAsync(CancellationToken cancellationToken)
    {
        var after = 0L;
        var before = CatalogTime.From(time.GetUtcNow() - SafeAge);
        while (await CollectablePageAsync(before, after) is { Count: > 0 } page)
        {
            foreach (var (segment, replicas) in page)
            {
                cancellationToken.ThrowIfCancellationRequested();
                after = segment;
                await CollectAsync(segment, replicas, before);
            }
        }
    }

    private Task<List<(long Segment, IReadOnlyList<ReplicaRow> Replicas)>> CollectablePageAsync(long before, long after) => catalog.ReadAsync(async session =>
    {
        var segments = await SegmentRows.CollectableAsync(session, nodes.Active, before, after, RowsMax);
        if (segments.Count == 0)
        {
            return [];
        }
        var replicas = (await SegmentRows.AllAsync(session, segments[0].SegmentId, segments[^1].SegmentId)).ToLookup(row => row.SegmentId);
        return segments.Select(segment => (segment.SegmentId, (IReadOnlyList<ReplicaRow>)[.. replicas[segment.SegmentId]])).ToList();
    });

    private async Task CollectAsync(long segment, IReadOnlyList<ReplicaRow> replicas, long before)
    {
        var old = await catalog.ReadAsync(session => session.QueryFirstAsync<BytesRow>(
            "SELECT length AS Bytes FROM dos_segments WHERE segment_id = @segment AND state = 3 AND deleted_at <= @before "
            + "AND NOT EXISTS (SELECT 1 FROM dos_extents WHERE segment_id = @segment)", new { segment, before }));
        if (old is null)
        {
            return;
        }
        foreach (var replica in replicas.Select(row => row.ToReplica()).Where(replica => nodes.TryGetAddress(replica.Node, out _)))
        {
            if (!await TryDeleteAsync(segment, replica))
            {
                continue;
            }
            await catalog.WriteAsync(session => SegmentRows.ForgetReplicaAsync(session, segment, replica.Disk));
        }
        // Files on nodes that are away keep their rows, and the segment's, until they are back.
        await catalog.WriteAsync(session => session.ExecuteAsync(
            "DELETE FROM dos_segments WHERE segment_id = @segment AND state = 3 AND NOT EXISTS (SELECT 1 FROM dos_segment_replicas WHERE segment_id = @segment)",
            new { segment }));
    }

    /// <summary>
    /// A node that was away for longer than the grace has come back with replicas that were copied meanwhile: one above the wanted number is given
    /// up, and goes with those that were. The other zones keep theirs.
    /// </summary>
    private async Task ThinOutAsync(SegmentRow segment, IReadOnlyList<Replica> live)
    {
        if (live.Count > segment.ReplicasWanted)
        {
            var surplus = _placer.ChooseSurplus(live);
            await catalog.WriteAsync(session => SegmentRows.LoseSurplusAsync(session, segment, surplus.Disk, nodes.Active));
        }
    }

    /// <summary>
    /// Replicas that were given up, of segments that have all they want without them: the file goes, then its row. Where the disk is gone,
    /// the row alone; where the node is away, neither.
    /// </summary>
    internal async Task DropSurplusAsync(CancellationToken cancellationToken)
    {
        (long Segment, string Disk) after = (0, "");
        while (await catalog.ReadAsync(session => SegmentRows.SurplusAsync(session, nodes.Active, after, RowsMax)) is { Count: > 0 } page)
        {
            foreach (var row in page)
            {
                cancellationToken.ThrowIfCancellationRequested();
                after = (row.SegmentId, row.DiskId);
                var replica = row.ToReplica();
                if (row.IsPresent == 0 || (nodes.TryGetAddress(replica.Node, out _) && await TryDeleteAsync(row.SegmentId, replica)))
                {
                    await catalog.WriteAsync(session => SegmentRows.ForgetReplicaAsync(session, row.SegmentId, replica.Disk));
                }
            }
        }
    }

    private async Task<bool> TryDeleteAsync(long segment, Replica replica)
    {
        try
        {
            await clients.Segments(replica.Node).DeleteAsync(new SegmentId(segment), replica.Disk);
            return true;
        }
        catch (Exception exception) when (ReplicaCalls.IsLost(exception))
        {
            // The next pass comes back to it.
            LogLater(log, exception);
            return false;
        }
    }
}
