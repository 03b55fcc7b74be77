using Orleans.DOS.Catalog;
using Orleans.DOS.Nodes;
using Orleans.DOS.Segments;

namespace Orleans.DOS.Checks;

/// <summary>The disks against the catalog: a file that no row names takes room for nothing. And which disks nobody could look at.</summary>
internal sealed class DiskCheck(ICatalog catalog, INodeClients clients, TimeProvider time)
{
    private const int RowsMax = 256;

    private sealed record NodeRow
    {
        public string NodeId { get; init; } = "";
        public string DiskId { get; init; } = "";
    }

    public async Task<CheckCursor?> StepAsync(CheckRun run, CheckCursor at)
    {
        var row = await catalog.ReadAsync(session => session.QueryFirstAsync<NodeRow>(
            $"SELECT node_id AS NodeId, disk_id AS DiskId FROM dos_nodes WHERE forgotten = 0 AND node_id {(at.First > 0 ? ">=" : ">")} @after ORDER BY node_id LIMIT 1",
            new { after = at.Text }));
        if (row is null)
        {
            return null;
        }
        var after = row.NodeId == at.Text ? at.First : 0;
        var (node, disk) = (new NodeId(row.NodeId), new DiskId(row.DiskId));
        var listed = await ListAsync(node, disk, after);
        if (listed is null)
        {
            run.Add(new Finding
            {
                Kind = FindingKind.NotChecked, Node = node, Mend = run.IsMending ? MendState.NotPossible : MendState.None,
                Text = $"{node} does not answer: its disk was not checked",
            });
        }
        else if (listed.Count > 0)
        {
            // After the listing: see DiskSweep.
            var named = await catalog.ReadAsync(session => SegmentRows.NamedOnAsync(session, disk, listed[0], listed[^1]));
            foreach (var segment in DiskSweep.Unnamed(listed, named.ToHashSet()))
            {
                await TellUnnamedAsync(run, node, disk, new SegmentId(segment));
            }
        }
        return listed?.Count == RowsMax ? at with { Text = row.NodeId, First = listed[^1] } : at with { Text = row.NodeId, First = 0 };
    }

    private async Task<IReadOnlyList<long>?> ListAsync(NodeId node, DiskId disk, long after) =>
        await ReplicaCalls.AskAsync(clients, node, service => service.ListAsync(disk, after, RowsMax), Limits.CallTimeout, time);

    private async Task TellUnnamedAsync(CheckRun run, NodeId node, DiskId disk, SegmentId segment)
    {
        var stat = await ReplicaCalls.AskAsync(clients, node, service => service.StatAsync(segment, disk), Limits.CallTimeout, time);
        if (stat is { Outcome: ReplicaOutcome.NoSuchSegment })
        {
            return; // Gone meanwhile.
        }
        var mend = MendState.None;
        if (run.IsMending)
        {
            var done = await ReplicaCalls.AskAsync(clients, node, async service =>
            {
                await service.DeleteAsync(segment, disk);
                return "deleted";
            }, Limits.CallTimeout, time);
            mend = done is null ? MendState.NotPossible : MendState.Done;
        }
        run.Add(new Finding
        {
            Kind = FindingKind.Unnamed, Segment = segment.Value, Node = node, Bytes = stat?.Length ?? 0, Mend = mend,
            Text = $"the catalog does not know of segment {segment} on {node}" + (mend == MendState.Done ? "; it is deleted" : ""),
        });
    }
}
