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

    /// <summary>Nobody needs to ask there any more.</summary>
    public static Task<int> LoseAbsentAsync(ICatalogSession session, long segment) => session.ExecuteAsync(
        "UPDATE dos_segment_replicas SET state = 2 WHERE segment_id = @segment AND state = 1 AND NOT EXISTS (SELECT 1 FROM dos_nodes n "
        + "WHERE n.node_id = dos_segment_replicas.node_id AND n.disk_id = dos_segment_replicas.disk_id)", new { segment });

    public static async Task InsertAsync(ICatalogSession session, SegmentId segment, ObjectId target, long epoch, int wanted, IReadOnlyList<Replica> replicas, long now)
    {
        await session.ExecuteAsync(
            "INSERT INTO dos_segments(segment_id, object, epoch, state, length, replicas_wanted, created_at) VALUES (@segment, @target, @epoch, 1, 0, @wanted, @now)",
            new { segment = segment.Value, target = target.ToString(), epoch, wanted = (long)wanted, now });
        foreach (var replica in replicas)
        {
            await InsertReplicaAsync(session, segment.Value, replica);
        }
    }

    public static Task<int> InsertReplicaAsync(ICatalogSession session, long segment, Replica replica) => session.ExecuteAsync(
        "INSERT INTO dos_segment_replicas(segment_id, disk_id, node_id, state) VALUES (@segment, @disk, @node, 1) "
        + "ON CONFLICT (segment_id, disk_id) DO UPDATE SET state = 1, node_id = @node",
        new { segment, disk = replica.Disk.Value, node = replica.Node.Value });

    /// <summary>A replica that is about to be made, so that it is found again, and collected, whatever becomes of its copying.</summary>
    public static Task<int> AnnounceReplicaAsync(ICatalogSession session, long segment, Replica replica) => session.ExecuteAsync(
        "INSERT INTO dos_segment_replicas(segment_id, disk_id, node_id, state) SELECT @segment, @disk, @node, 2 "
        + "WHERE EXISTS (SELECT 1 FROM dos_segments WHERE segment_id = @segment AND state = 2) ON CONFLICT (segment_id, disk_id) DO NOTHING",
        new { segment, disk = replica.Disk.Value, node = replica.Node.Value });

    /// <summary>An empty segment has nothing to keep: it goes to the collector at once.</summary>
    public static async Task SealAsync(ICatalogSession session, SealedSegment sealing, long now)
    {
        await session.ExecuteAsync(
            "UPDATE dos_segments SET state = @state, length = @length, deleted_at = @deleted WHERE segment_id = @segment AND state = 1",
            new { segment = sealing.Segment.Value, length = sealing.Length, state = sealing.Length == 0 ? SegmentRow.Deleting : SegmentRow.Sealed, deleted = sealing.Length == 0 ? now : (long?)null });
        foreach (var disk in sealing.Lost)
        {
            await session.ExecuteAsync(
                "UPDATE dos_segment_replicas SET state = 2 WHERE segment_id = @segment AND disk_id = @disk", new { segment = sealing.Segment.Value, disk = disk.Value });
        }
    }
}

/// <summary>A segment that is sealed at its replicas and not yet in the catalog.</summary>
internal sealed record SealedSegment(SegmentId Segment, long Length, IReadOnlyList<DiskId> Lost);
