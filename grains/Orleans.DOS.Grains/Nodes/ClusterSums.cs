using Orleans.DOS.Catalog;
using Orleans.DOS.Segments;

namespace Orleans.DOS.Nodes;

/// <summary>What has fewer copies on the disks of live nodes than it should have.</summary>
/// <param name="Bytes">As far as the catalog knows them, times the copies missing.</param>
/// <param name="OpenSegments">Segments among it that are being written: of their bytes only those up to the last checkpoint are known.</param>
public sealed record BelowTarget(long Bytes, long OpenSegments);

/// <summary>Sums over the whole cluster's segments, read from the catalog.</summary>
public static class ClusterSums
{
    public static async Task<BelowTarget> BelowTargetAsync(ICatalogSession session, IReadOnlyList<NodeId> live)
    {
        var row = await session.QueryFirstAsync<BelowRow>(
            """
            SELECT CAST(COALESCE(SUM(b.bytes * b.missing), 0) AS BIGINT) AS Bytes, CAST(COALESCE(SUM(b.is_open), 0) AS BIGINT) AS OpenSegments
            FROM (SELECT s.replicas_wanted - COALESCE(r.live, 0) AS missing, CASE WHEN s.state = 1 THEN 1 ELSE 0 END AS is_open,
                CASE WHEN s.state = 1 THEN COALESCE((SELECT SUM(e.length) FROM dos_extents e WHERE e.segment_id = s.segment_id), 0) ELSE s.length END AS bytes
              FROM dos_segments s
              LEFT JOIN (SELECT c.segment_id, COUNT(*) AS live FROM dos_segment_replicas c
                JOIN dos_nodes n ON n.node_id = c.node_id AND n.disk_id = c.disk_id
                WHERE c.state = 1 AND @live LIKE '%,' || c.node_id || ',%' GROUP BY c.segment_id) r
                ON r.segment_id = s.segment_id
              WHERE s.state < 3 AND COALESCE(r.live, 0) < s.replicas_wanted) b
            """,
            new { live = SegmentRows.OneText(live) });
        return new BelowTarget(row?.Bytes ?? 0, row?.OpenSegments ?? 0);
    }

    private sealed class BelowRow
    {
        public long Bytes { get; set; }
        public long OpenSegments { get; set; }
    }
}
