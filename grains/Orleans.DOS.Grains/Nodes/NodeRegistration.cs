using System.Text.Json;
using Orleans.DOS.Catalog;

namespace Orleans.DOS.Nodes;

/// <summary>A node as the catalog knows it, alive or not.</summary>
public sealed record RegisteredNode(NodeId Id, long Incarnation, DiskId Disk, string? Url, IReadOnlyDictionary<string, string> Labels);

/// <summary>The catalog's rows of nodes (table dos_nodes): written once at each start, read for the node table.</summary>
public sealed class NodeRegistration(ICatalog catalog, TimeProvider time)
{
    /// <summary>Writes this start of the node. A row of a newer incarnation stays.</summary>
    /// <exception cref="DosException">Unavailable; Stale: a newer process runs this node.</exception>
    public Task RegisterAsync(NodeIdentity node, string silo, string url, IReadOnlyDictionary<string, string> labels, string release, CancellationToken cancellationToken) =>
        catalog.WriteAsync(async session =>
        {
            var written = await session.ExecuteAsync(
                """
                INSERT INTO dos_nodes(node_id, disk_id, incarnation, silo, url, labels, release, forgotten, started_at)
                VALUES (@node, @disk, @incarnation, @silo, @url, @labels, @release, 0, @at)
                ON CONFLICT (node_id) DO UPDATE SET disk_id = excluded.disk_id, incarnation = excluded.incarnation, silo = excluded.silo,
                  url = excluded.url, labels = excluded.labels, release = excluded.release, forgotten = 0, started_at = excluded.started_at
                WHERE dos_nodes.incarnation < excluded.incarnation
                """,
                new
                {
                    node = node.Self.Value, disk = node.Disk.Value, incarnation = node.Incarnation, silo, url,
                    labels = JsonSerializer.Serialize(labels), release, at = CatalogTime.From(time.GetUtcNow()),
                });
            return written == 1 ? written : throw new DosException(DosErrorCode.Stale, $"a newer process runs node {node.Self}");
        }, cancellationToken);

    /// <summary>All nodes that were not forgotten, by id.</summary>
    public async Task<IReadOnlyList<RegisteredNode>> ListAsync(CancellationToken cancellationToken)
    {
        var rows = await catalog.ReadAsync(session => session.QueryAsync<Row>(
            "SELECT node_id AS NodeId, disk_id AS DiskId, incarnation AS Incarnation, url AS Url, labels AS Labels FROM dos_nodes WHERE forgotten = 0 ORDER BY node_id"),
            cancellationToken);
        return [.. rows.Select(row => new RegisteredNode(
            new NodeId(row.NodeId), row.Incarnation, new DiskId(row.DiskId), row.Url,
            JsonSerializer.Deserialize<Dictionary<string, string>>(row.Labels) ?? []))];
    }

    // A class with setters: Dapper converts each column to its property, whatever integer width the database answers.
    private sealed class Row
    {
        public string NodeId { get; set; } = "";
        public string DiskId { get; set; } = "";
        public long Incarnation { get; set; }
        public string? Url { get; set; }
        public string Labels { get; set; } = "{}";
    }
}
