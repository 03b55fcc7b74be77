using Orleans.DOS.Catalog;

namespace Orleans.DOS.Nodes;

/// <summary>Sums over the whole cluster's segments, read from the catalog.</summary>
public static class ClusterSums
{
    /// <summary>Bytes of sealed segments with fewer copies on the disks of <paramref name="live"/> nodes than they should have, times the copies missing.</summary>
    public static async Task<long> BytesBelowTargetAsync(ICatalogSession session, IReadOnlyList<NodeId> live) =>
        await session.QueryFirstAsync<long?>(
            """
            SELECT CAST(COALESCE(SUM(s.length * (s.replicas_wanted - COALESCE(r.live, 0))), 0) AS BIGINT)
            FROM dos_segments s
            LEFT JOIN (SELECT c.segment_id, COUNT(*) AS live FROM dos_segment_replicas c
              JOIN dos_nodes n ON n.node_id = c.node_id AND n.disk_id = c.disk_id
              WHERE c.state = 1 AND @live LIKE '%,' || c.node_id || ',%' GROUP BY c.segment_id) r
              ON r.segment_id = s.segment_id
            WHERE s.state = 2 AND COALESCE(r.live, 0) < s.replicas_wanted
            """,
            // One text, since a list parameter means different SQL on the two databases; a node id holds no comma and no wildcard.
            new { live = "," + string.Join(',', live.Select(node => node.Value)) + "," }) ?? 0;
}
