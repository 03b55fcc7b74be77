using Orleans.DOS.Catalog;
using Orleans.DOS.Nodes;

namespace Orleans.DOS.Segments;

/// <summary>Gathers the facts for <see cref="ReplicaPlacement"/>: live nodes, their disks, their zones.</summary>
internal sealed class SegmentPlacer(INodeView nodes, ICatalog catalog)
{
    private sealed record DiskRow
    {
        public string NodeId { get; init; } = "";
        public string DiskId { get; init; } = "";
    }

    private sealed record MinimumRow
    {
        public long ReplicasMin { get; init; }
    }

    /// <summary>Below this many replicas nothing is written.</summary>
    public async Task<int> MinimumAsync(int wanted) => (int)Math.Min(wanted, await catalog.ReadAsync(async session =>
        (await session.QueryFirstAsync<MinimumRow>("SELECT replicas_min AS ReplicasMin FROM dos_cluster WHERE one = 1"))?.ReplicasMin ?? 1));

    /// <summary>At most <paramref name="wanted"/> replicas of a new segment on live nodes outside <paramref name="excluded"/>.</summary>
    public Task<IReadOnlyList<Replica>> ChooseAsync(int wanted, IReadOnlySet<NodeId> excluded) => ChooseAsync(wanted, excluded, heldZones: null);

    /// <summary>Nodes that would take a replica now.</summary>
    public int WillingNodes => nodes.Active.Count(IsWilling);

    /// <summary>At most <paramref name="missing"/> more replicas for a segment that has some: on other nodes, in other zones where there are any.</summary>
    public Task<IReadOnlyList<Replica>> ChooseMoreAsync(int missing, IReadOnlySet<NodeId> holders) =>
        ChooseAsync(missing, holders, holders.Select(node => Candidate(node).Zone).ToHashSet(StringComparer.Ordinal));

    /// <summary>Which of a segment's replicas can go: one of a zone that has another, if there is such a zone; by chance, so that no disk is always the one.</summary>
    public Replica ChooseSurplus(IReadOnlyList<Replica> good)
    {
        var crowded = good.GroupBy(replica => Candidate(replica.Node).Zone).Where(zone => zone.Key.Length > 0 && zone.Count() > 1).SelectMany(zone => zone).ToList();
        var pool = crowded.Count > 0 ? crowded : good;
        return pool[Random.Shared.Next(pool.Count)];
    }

    private async Task<IReadOnlyList<Replica>> ChooseAsync(int wanted, IReadOnlySet<NodeId> excluded, IReadOnlySet<string>? heldZones)
    {
        var candidates = nodes.Active.Where(node => !excluded.Contains(node)).Where(IsWilling).Select(Candidate).ToList();
        var chosen = ReplicaPlacement.Choose(candidates, nodes.Self, wanted, Random.Shared.NextDouble(), heldZones);
        var disks = (await catalog.ReadAsync(session => session.QueryAsync<DiskRow>("SELECT node_id AS NodeId, disk_id AS DiskId FROM dos_nodes")))
            .ToDictionary(row => row.NodeId, row => row.DiskId);
        return [.. chosen.Where(node => disks.ContainsKey(node.Value)).Select(node => new Replica(node, new DiskId(disks[node.Value])))];
    }

    private bool IsWilling(NodeId node) =>
        !nodes.Reports.TryGetValue(node, out var report) || report.State is NodeState.Ready or NodeState.Joining;

    private PlacementCandidate Candidate(NodeId node)
    {
        var report = nodes.Reports.GetValueOrDefault(node);
        return new(node, report is null ? 0 : report.DiskBytes - report.DiskUsedBytes, report?.Labels.GetValueOrDefault("zone") ?? "");
    }
}
