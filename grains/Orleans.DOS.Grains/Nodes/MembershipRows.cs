using System.Collections.Immutable;
using System.Text.Json;
using Orleans.DOS.Catalog;

namespace Orleans.DOS.Nodes;

/// <summary>Orleans' membership table, read beside what nodes have written down as their view of it (table dos_views).</summary>
internal static class MembershipRows
{
    /// <summary>Orleans' numbers of its SiloStatus, as stored.</summary>
    private const long Active = 3, Dead = 6;

    /// <summary>Members first: a node writes no view after its death, so the view read later is its last.</summary>
    public static async Task<MembershipReading> ReadMembershipAsync(this ICatalogSession session, string clusterId)
    {
        var rows = await session.QueryAsync<MemberRow>(
            "SELECT v.Version AS Version, m.SiloName AS Node, m.Generation AS Incarnation, m.Status AS Status FROM OrleansMembershipVersionTable v "
            + "LEFT JOIN OrleansMembershipTable m ON m.DeploymentId = v.DeploymentId WHERE v.DeploymentId = @clusterId", new { clusterId });
        Member[] members = [.. rows.Where(row => row.Node is not null)
            .Select(row => new Member(new NodeId(row.Node!), row.Incarnation, row.Status == Active, row.Status == Dead))];
        var views = members.Any(member => member.IsDead)
            ? await session.QueryAsync<ViewRow>("SELECT node_id AS Node, incarnation AS Incarnation, version AS Version, others AS Others FROM dos_views")
            : [];
        return new MembershipReading(rows.Count == 0 ? -1 : rows[0].Version, members, [.. views.Select(row => row.ToConfirmation())]);
    }

    /// <summary>
    /// Writes down that this node has seen a view, while its row says Active and nobody can change that before the commit: so what is
    /// read after its death is its last view.
    /// </summary>
    /// <returns>False: it is not Active (any more).</returns>
    public static async Task<bool> ConfirmViewAsync(this ICatalogSession session, string clusterId, NodeStart self, long version, IEnumerable<NodeStart> others, long now)
    {
        var own = new { clusterId, node = self.Node.Value, incarnation = self.Incarnation, active = Active };
        if (await session.QueryFirstAsync<long?>(
            "SELECT Generation FROM OrleansMembershipTable WHERE DeploymentId = @clusterId AND SiloName = @node AND Generation = @incarnation AND Status = @active "
            + session.Dialect.ForShare, own) is null)
        {
            return false;
        }
        await session.ExecuteAsync(
            """
            INSERT INTO dos_views(node_id, incarnation, version, others, confirmed_at) VALUES (@node, @incarnation, @version, @others, @now)
            ON CONFLICT (node_id) DO UPDATE SET incarnation = excluded.incarnation, version = excluded.version, others = excluded.others, confirmed_at = excluded.confirmed_at
            WHERE dos_views.incarnation < excluded.incarnation OR (dos_views.incarnation = excluded.incarnation AND dos_views.version < excluded.version)
            """,
            new { own.node, own.incarnation, version, others = JsonSerializer.Serialize(others.Select(other => new Other(other.Node.Value, other.Incarnation))), now });
        return true;
    }

    /// <summary>An element of dos_views.others. Stored.</summary>
    private sealed record Other(string Node, long Incarnation);

    private sealed class MemberRow
    {
        public long Version { get; set; }
        public string? Node { get; set; }
        public long Incarnation { get; set; }
        public long Status { get; set; }
    }

    private sealed class ViewRow
    {
        public string Node { get; set; } = "";
        public long Incarnation { get; set; }
        public long Version { get; set; }
        public string Others { get; set; } = "[]";

        public ViewConfirmation ToConfirmation() => new(
            new NodeStart(new NodeId(Node), Incarnation), Version,
            [.. JsonSerializer.Deserialize<List<Other>>(Others)!.Select(other => new NodeStart(new NodeId(other.Node), other.Incarnation))]);
    }
}
