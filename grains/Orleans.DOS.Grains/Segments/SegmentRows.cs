using Orleans.DOS.Catalog;

namespace Orleans.DOS.Segments;

/// <summary>A row of dos_segments.</summary>
public sealed record SegmentRow
{
    public const long Open = 1;
    public const long Sealed = 2;
    public const long Deleting = 3;

    public long SegmentId { get; init; }
    public string Object { get; init; } = "";
    public long Epoch { get; init; }
    public long State { get; init; }
    public long Length { get; init; }
    public long ReplicasWanted { get; init; }
}

/// <summary>A row of dos_segment_replicas.</summary>
public sealed record ReplicaRow
{
    public const long Good = 1;
    public const long Lost = 2;

    public long SegmentId { get; init; }
    public string DiskId { get; init; } = "";
    public string NodeId { get; init; } = "";
    public long State { get; init; }
    /// <summary>1: its disk is still the one of its node. Only where it was asked for.</summary>
    public long IsPresent { get; init; }

    public Replica ToReplica() => new(new NodeId(NodeId), new DiskId(DiskId));
}

/// <summary>Where a copy of a segment lies.</summary>
public readonly record struct Replica(NodeId Node, DiskId Disk);

/// <summary>The statements on the two tables. Callers that own the object check its epoch first.</summary>
internal static class SegmentRows
{
    private const string Columns = "segment_id AS SegmentId, object AS Object, epoch AS Epoch, state AS State, length AS Length, replicas_wanted AS ReplicasWanted";

    /// <summary>In the order in which they were written: numbers come in blocks per node, so only within one epoch do they follow each other.</summary>
    public static Task<IReadOnlyList<SegmentRow>> OfObjectAsync(ICatalogSession session, ObjectId target) => session.QueryAsync<SegmentRow>(
        $"SELECT {Columns} FROM dos_segments WHERE object = @target AND state < 3 ORDER BY epoch, segment_id", new { target = target.ToString() });

    public static Task<IReadOnlyList<SegmentRow>> InStateAsync(ICatalogSession session, long state, long after, int rowsMax) => session.QueryAsync<SegmentRow>(
        $"SELECT {Columns} FROM dos_segments WHERE state = @state AND segment_id > @after ORDER BY segment_id LIMIT @rowsMax", new { state, after, rowsMax });

    public static Task<IReadOnlyList<ReplicaRow>> ReplicasAsync(ICatalogSession session, long segment) => session.QueryAsync<ReplicaRow>(
        "SELECT segment_id AS SegmentId, disk_id AS DiskId, node_id AS NodeId, state AS State FROM dos_segment_replicas WHERE segment_id = @segment ORDER BY disk_id",
        new { segment });

    /// <summary>Replicas of a run of segments, whatever their state.</summary>
    public static Task<IReadOnlyList<ReplicaRow>> AllAsync(ICatalogSession session, long first, long last) => session.QueryAsync<ReplicaRow>(
        "SELECT segment_id AS SegmentId, disk_id AS DiskId, node_id AS NodeId, state AS State FROM dos_segment_replicas "
        + "WHERE segment_id BETWEEN @first AND @last ORDER BY segment_id, disk_id", new { first, last });

    /// <summary>Good replicas of a run of segments whose disk is still the one of their node: a wiped one holds nothing.</summary>
    public static Task<IReadOnlyList<ReplicaRow>> PresentAsync(ICatalogSession session, long first, long last) =>
        OnPresentDisksAsync(session, first, last, ReplicaRow.Good);

    /// <summary>Replicas that were not waited for once, or whose copying has not been seen to end, on disks that are still there.</summary>
    public static Task<IReadOnlyList<ReplicaRow>> GivenUpAsync(ICatalogSession session, long segment) =>
        OnPresentDisksAsync(session, segment, segment, ReplicaRow.Lost);

    private static Task<IReadOnlyList<ReplicaRow>> OnPresentDisksAsync(ICatalogSession session, long first, long last, long state) => session.QueryAsync<ReplicaRow>(
        "SELECT r.segment_id AS SegmentId, r.disk_id AS DiskId, r.node_id AS NodeId, r.state AS State FROM dos_segment_replicas r "
        + "JOIN dos_nodes n ON n.node_id = r.node_id AND n.disk_id = r.disk_id "
        + "WHERE r.segment_id BETWEEN @first AND @last AND r.state = @state ORDER BY r.segment_id, r.disk_id", new { first, last, state });

    /// <summary>
    /// Given-up replicas behind a place, of sealed segments that have all they want without them on <paramref name="live"/> nodes. Only such as something
    /// can be done about: their node is here, or their disk is gone.
    /// </summary>
    public static Task<IReadOnlyList<ReplicaRow>> SurplusAsync(
        ICatalogSession session, IEnumerable<NodeId> live, (long Segment, string Disk) after, int rowsMax) => session.QueryAsync<ReplicaRow>(
        "SELECT r.segment_id AS SegmentId, r.disk_id AS DiskId, r.node_id AS NodeId, r.state AS State, "
        + "(SELECT count(*) FROM dos_nodes n WHERE n.node_id = r.node_id AND n.disk_id = r.disk_id) AS IsPresent "
        + "FROM dos_segment_replicas r JOIN dos_segments s ON s.segment_id = r.segment_id WHERE r.state = 2 AND s.state = 2 AND (r.segment_id, r.disk_id) > (@segment, @disk) "
        + "AND (@live LIKE '%,' || r.node_id || ',%' OR NOT EXISTS (SELECT 1 FROM dos_nodes n WHERE n.node_id = r.node_id AND n.disk_id = r.disk_id)) "
        + "AND (SELECT count(*) FROM dos_segment_replicas g JOIN dos_nodes n ON n.node_id = g.node_id AND n.disk_id = g.disk_id "
        + "WHERE g.segment_id = r.segment_id AND g.state = 1 AND @live LIKE '%,' || g.node_id || ',%') >= s.replicas_wanted ORDER BY r.segment_id, r.disk_id LIMIT @rowsMax",
        new { live = OneText(live), segment = after.Segment, disk = after.Disk, rowsMax });

    /// <summary>
    /// Gives one good replica up, if its segment has as many as it wants on <paramref name="live"/> nodes without it. Under a lock on all of them: of
    /// two who find one too many at the same time, the second counts again.
    /// </summary>
    /// <returns>Whether it was given up.</returns>
    public static async Task<bool> LoseSurplusAsync(ICatalogSession session, SegmentRow segment, DiskId disk, IReadOnlyCollection<NodeId> live)
    {
        await session.QueryAsync<string>(
            $"SELECT disk_id FROM dos_segment_replicas WHERE segment_id = @segment ORDER BY disk_id {session.Dialect.ForUpdate}", new { segment = segment.SegmentId });
        var others = (await PresentAsync(session, segment.SegmentId, segment.SegmentId)).Where(row => row.DiskId != disk.Value && live.Contains(new NodeId(row.NodeId)));
        return others.Count() >= segment.ReplicasWanted && await session.ExecuteAsync(
            "UPDATE dos_segment_replicas SET state = 2 WHERE segment_id = @segment AND disk_id = @disk AND state = 1",
            new { segment = segment.SegmentId, disk = disk.Value }) == 1;
    }

    /// <summary>Released segments behind <paramref name="after"/>, released before <paramref name="before"/>, that have a file on a live node or none anywhere.</summary>
    public static Task<IReadOnlyList<SegmentRow>> CollectableAsync(ICatalogSession session, IEnumerable<NodeId> live, long before, long after, int rowsMax) => session.QueryAsync<SegmentRow>(
        $"SELECT {Columns} FROM dos_segments s WHERE state = 3 AND segment_id > @after AND deleted_at <= @before "
        + "AND (EXISTS (SELECT 1 FROM dos_segment_replicas r WHERE r.segment_id = s.segment_id AND @live LIKE '%,' || r.node_id || ',%') "
        + "OR NOT EXISTS (SELECT 1 FROM dos_segment_replicas r WHERE r.segment_id = s.segment_id)) ORDER BY segment_id LIMIT @rowsMax",
        new { live = OneText(live), before, after, rowsMax });

    /// <summary>A list parameter means different SQL on the two databases; ids hold no comma and no wildcard.</summary>
    public static string OneText<T>(IEnumerable<T> ids) => "," + string.Join(',', ids) + ",";

    public static Task<int> ForgetReplicaAsync(ICatalogSession session, long segment, DiskId disk) => session.ExecuteAsync(
        "DELETE FROM dos_segment_replicas WHERE segment_id = @segment AND disk_id = @disk", new { segment, disk = disk.Value });

    /// <summary>Good replicas of sealed segments on one disk, behind <paramref name="after"/>, with what must be there.</summary>
    public static Task<IReadOnlyList<SegmentRow>> SealedOnAsync(ICatalogSession session, DiskId disk, long after, int rowsMax) => session.QueryAsync<SegmentRow>(
        "SELECT s.segment_id AS SegmentId, s.object AS Object, s.epoch AS Epoch, s.state AS State, s.length AS Length, s.replicas_wanted AS ReplicasWanted "
        + "FROM dos_segment_replicas r JOIN dos_segments s ON s.segment_id = r.segment_id WHERE r.disk_id = @disk AND r.state = 1 AND s.state = 2 "
        + "AND s.segment_id > @after ORDER BY s.segment_id LIMIT @rowsMax", new { disk = disk.Value, after, rowsMax });

    /// <summary>Which of a run of segments have a row for the disk, whatever its state.</summary>
    public static Task<IReadOnlyList<long>> NamedOnAsync(ICatalogSession session, DiskId disk, long first, long last) => session.QueryAsync<long>(
        "SELECT segment_id FROM dos_segment_replicas WHERE disk_id = @disk AND segment_id BETWEEN @first AND @last", new { disk = disk.Value, first, last });

    /// <summary>A replica that turned out bad, if another is called good: the last one is kept, whatever it is worth.</summary>
    /// <returns>Rows changed.</returns>
    public static Task<int> LoseIfNotLastAsync(ICatalogSession session, long segment, DiskId disk) => session.ExecuteAsync(
        "UPDATE dos_segment_replicas SET state = 2 WHERE segment_id = @segment AND disk_id = @disk AND state = 1 AND EXISTS (SELECT 1 FROM dos_segment_replicas o "
        + "JOIN dos_nodes n ON n.node_id = o.node_id AND n.disk_id = o.disk_id WHERE o.segment_id = @segment AND o.disk_id <> @disk AND o.state = 1)",
        new { segment, disk = disk.Value });

    /// <summary>Nobody needs to ask there any more.</summary>
    public static Task<int> LoseAbsentAsync(ICatalogSession session, long segment) => session.ExecuteAsync(
        "UPDATE dos_segment_replicas SET state = 2 WHERE segment_id = @segment AND state = 1 AND NOT EXISTS (SELECT 1 FROM dos_nodes n "
        + "WHERE n.node_id = dos_segment_replicas.node_id AND n.disk_id = dos_segment_replicas.disk_id)", new { segment });

    /// <summary>
    /// Nothing is inserted when one of its nodes has another disk now: a disk that was wiped since it was chosen holds nothing, and its row would keep
    /// the segment Unavailable once its owner is gone. The row of the segment decides, since others may share the transaction.
    /// </summary>
    /// <param name="inserted">Told whether it was.</param>
    public static void QueueInsert(ICatalogSession session, ObjectId target, long epoch, OpenedSegment opened, long now, Action<bool> inserted)
    {
        session.Queue(
            "INSERT INTO dos_segments(segment_id, object, epoch, state, length, replicas_wanted, created_at) SELECT @segment, @target, @epoch, 1, 0, @wanted, @now "
            + "WHERE (SELECT count(*) FROM dos_nodes WHERE @disks LIKE '%,' || node_id || ' ' || disk_id || ',%') = @count",
            new
            {
                segment = opened.Segment.Value, target = target.ToString(), epoch, wanted = (long)opened.Wanted, now, count = (long)opened.Replicas.Count,
                disks = OneText(opened.Replicas.Select(replica => $"{replica.Node} {replica.Disk}")),
            },
            rows =>
            {
                inserted(rows == 1);
                return null;
            });
        foreach (var replica in opened.Replicas)
        {
            session.Queue(
                "INSERT INTO dos_segment_replicas(segment_id, disk_id, node_id, state) SELECT @segment, @disk, @node, 1 "
                + "WHERE EXISTS (SELECT 1 FROM dos_segments WHERE segment_id = @segment)", Parameters(opened.Segment.Value, replica));
        }
    }

    /// <returns>1; 0 when the node does not have that disk any more.</returns>
    public static Task<int> InsertReplicaAsync(ICatalogSession session, long segment, Replica replica) => session.ExecuteAsync(InsertReplica, Parameters(segment, replica));

    private const string InsertReplica =
        "INSERT INTO dos_segment_replicas(segment_id, disk_id, node_id, state) SELECT @segment, @disk, @node, 1 "
        + "WHERE EXISTS (SELECT 1 FROM dos_nodes WHERE node_id = @node AND disk_id = @disk) "
        + "ON CONFLICT (segment_id, disk_id) DO UPDATE SET state = 1, node_id = @node";

    private static object Parameters(long segment, Replica replica) => new { segment, disk = replica.Disk.Value, node = replica.Node.Value };

    /// <summary>A replica that is about to be made, so that it is found again, and collected, whatever becomes of its copying.</summary>
    public static Task<int> AnnounceReplicaAsync(ICatalogSession session, long segment, Replica replica) => session.ExecuteAsync(
        "INSERT INTO dos_segment_replicas(segment_id, disk_id, node_id, state) SELECT @segment, @disk, @node, 2 "
        + "WHERE EXISTS (SELECT 1 FROM dos_segments WHERE segment_id = @segment AND state = 2) ON CONFLICT (segment_id, disk_id) DO NOTHING",
        new { segment, disk = replica.Disk.Value, node = replica.Node.Value });

    /// <summary>An empty segment has nothing to keep: it goes to the collector at once.</summary>
    public static void QueueSeal(ICatalogSession session, SealedSegment sealing, long now)
    {
        session.Queue(
            "UPDATE dos_segments SET state = @state, length = @length, deleted_at = @deleted WHERE segment_id = @segment AND state = 1",
            new { segment = sealing.Segment.Value, length = sealing.Length, state = sealing.Length == 0 ? SegmentRow.Deleting : SegmentRow.Sealed, deleted = sealing.Length == 0 ? now : (long?)null });
        foreach (var disk in sealing.Lost)
        {
            session.Queue(
                "UPDATE dos_segment_replicas SET state = 2 WHERE segment_id = @segment AND disk_id = @disk", new { segment = sealing.Segment.Value, disk = disk.Value });
        }
    }
}

/// <summary>A segment that is sealed at its replicas and not yet in the catalog.</summary>
internal sealed record SealedSegment(SegmentId Segment, long Length, IReadOnlyList<DiskId> Lost);
