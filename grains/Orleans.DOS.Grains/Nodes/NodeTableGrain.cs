using Orleans.Concurrency;
using Orleans.DOS.Catalog;
using Orleans.DOS.Security;

namespace Orleans.DOS.Nodes;

/// <summary>
/// The node table. What nodes report is kept in memory only: whoever activates this grain next has it again within a second. Which
/// nodes exist stands in the catalog, which of them are alive in membership. All methods interleave: they touch the reports in single
/// steps only and await nothing between reading and writing them.
/// </summary>
[GrainType("dos.node-table")]
public sealed class NodeTableGrain(
    NodeRegistration registration, ICatalog catalog, INodeView view, IGrainFactory grains, ClusterFacts cluster, TimeProvider time) : Grain, INodeTableGrain
{
    /// <summary>Rows and settings are read again after this time: a new node appears by its report at once, so this only delays what the table says of the dead.</summary>
    private static readonly TimeSpan RowsAgeMax = TimeSpan.FromSeconds(2);

    private readonly Dictionary<NodeId, NodeStatus> _reports = [];
    private Rows? _rows;
    private Task<Rows>? _reading;

    public Task<IReadOnlyList<NodeStatus>> ListAsync(CallContext context) => TableAsync();

    public async Task<ClusterStatus> ClusterAsync(CallContext context)
    {
        var nodes = await TableAsync();
        var live = view.Active;
        var below = await catalog.ReadAsync(session => ClusterSums.BelowTargetAsync(session, live));
        return new ClusterStatus
        {
            ClusterId = view.ClusterId,
            Catalog = catalog.Dialect.Name,
            NodesReady = nodes.Count(node => node.State == NodeState.Ready),
            NodesTotal = nodes.Count,
            ReplicasDefault = cluster.ReplicasDefault,
            ReplicasMin = cluster.ReplicasMin,
            BytesBelowTarget = below.Bytes,
            OpenSegmentsBelowTarget = below.OpenSegments,
            SchemaVersion = cluster.SchemaVersion,
            Release = cluster.Release,
        };
    }

    public Task<IReadOnlyList<NodeStatus>> ReportAsync(CallContext context, NodeStatus report)
    {
        if (!_reports.TryGetValue(report.Id, out var known) || known.Incarnation <= report.Incarnation)
        {
            // By one clock, so that whoever compares two reports compares no clocks.
            _reports[report.Id] = report with { Reported = time.GetUtcNow() };
        }
        return TableAsync();
    }

    private async Task<IReadOnlyList<NodeStatus>> TableAsync()
    {
        var rows = await RowsAsync();
        var active = view.Active.ToHashSet();
        foreach (var gone in _reports.Keys.Where(node => !active.Contains(node)).ToList())
        {
            // Membership may not have told this node yet of one that has just joined: its first reports are kept a moment.
            if (time.GetUtcNow() - _reports[gone].Reported > RowsAgeMax)
            {
                _reports.Remove(gone);
            }
        }
        var registered = rows.Nodes.ToDictionary(node => node.Id);
        return [.. registered.Keys.Union(_reports.Keys).OrderBy(node => node.Value, StringComparer.Ordinal)
            .Select(node => Row(node, registered.GetValueOrDefault(node), active.Contains(node), rows.Cordoned))];
    }

    private NodeStatus Row(NodeId node, RegisteredNode? registered, bool active, HashSet<NodeId> cordoned)
    {
        if (_reports.TryGetValue(node, out var report))
        {
            return report.State == NodeState.Ready && cordoned.Contains(node) ? report with { State = NodeState.Cordoned } : report;
        }
        return new NodeStatus
        {
            Id = node,
            State = active ? NodeState.Joining : NodeState.Dead,
            Incarnation = registered?.Incarnation ?? 0,
            Url = registered?.Url,
            Labels = registered?.Labels ?? new Dictionary<string, string>(),
            Disk = registered?.Disk,
        };
    }

    private async Task<Rows> RowsAsync()
    {
        if (_rows is { } rows && time.GetElapsedTime(rows.Read) < RowsAgeMax)
        {
            return rows;
        }
        // Calls that arrive while the rows are read share the one reading.
        var reading = _reading ??= ReadRowsAsync();
        try
        {
            return _rows = await reading;
        }
        catch (DosException failure) when (failure.Code == DosErrorCode.Unavailable && _rows is not null)
        {
            // The catalog is away: what membership and the reports say still holds.
            return _rows;
        }
        finally
        {
            if (ReferenceEquals(_reading, reading))
            {
                _reading = null;
            }
        }
    }

    private async Task<Rows> ReadRowsAsync()
    {
        var read = time.GetTimestamp();
        var nodes = await registration.ListAsync(CancellationToken.None);
        var cordoned = await grains.GetGrain<IClusterSettingsGrain>(GrainKeys.Cluster("settings")).CordonedAsync(NodeCalls.Context(view));
        return new Rows(read, nodes, [.. cordoned]);
    }

    private sealed record Rows(long Read, IReadOnlyList<RegisteredNode> Nodes, HashSet<NodeId> Cordoned);
}

/// <summary>What every node of this release knows of the cluster without asking.</summary>
public sealed record ClusterFacts(int ReplicasDefault, int ReplicasMin, long SchemaVersion, string Release);

/// <summary>The context of calls that a node makes for itself.</summary>
public static class NodeCalls
{
    public static CallContext Context(INodeView view) => new()
    {
        Machine = MachineId.Main,
        Principal = Principal.Admin,
        NodeIncarnation = view.Incarnation,
        Request = RequestId.None,
    };
}
