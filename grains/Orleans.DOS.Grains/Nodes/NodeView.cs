using Microsoft.Extensions.Hosting;
using Microsoft.Extensions.Logging;

namespace Orleans.DOS.Nodes;

/// <summary>Who this node is; decided before the silo is built.</summary>
public sealed record NodeIdentity(NodeId Self, long Incarnation, DiskId Disk, string ClusterId);

/// <summary>
/// This node's view of the others. Life: it follows the updates of Orleans' membership from the start of the silo to its end, and
/// the reporter lays the newest reports beside it each second. A silo's name is its node id and its generation is the node's
/// incarnation, so that one look at the membership table tells both.
/// </summary>
public sealed partial class NodeView(
    NodeIdentity identity, IClusterMembershipService membership, NodeStanding standing, ILogger<NodeView> log) : BackgroundService, INodeView
{
    private volatile View _view = new([], new(TaskCreationOptions.RunContinuationsAsynchronously));
    private volatile IReadOnlyDictionary<NodeId, NodeStatus> _reports = new Dictionary<NodeId, NodeStatus>();

    public NodeId Self => identity.Self;
    public long Incarnation => identity.Incarnation;
    public DiskId Disk => identity.Disk;
    public string ClusterId => identity.ClusterId;
    public IReadOnlyList<NodeId> Active => _view.Nodes;
    public IReadOnlyDictionary<NodeId, NodeStatus> Reports => _reports;
    public Task NextChange => _view.Changed.Task;

    /// <summary>A node reaches itself as long as it runs: what its owners close when it leaves lies on its own disk, too.</summary>
    public bool TryGetAddress(NodeId node, out SiloAddress address)
    {
        if (_view.Active.TryGetValue(node, out address!))
        {
            return true;
        }
        address = (node == Self ? _view.Own : null)!;
        return address is not null;
    }

    public bool IsFenced(NodeId node, long incarnation) => standing.IsFenced(new NodeStart(node, incarnation));

    /// <summary>Whether membership has shown that incarnation Dead or replaced: enough to refuse its calls, not enough to take over what it owned.</summary>
    public bool IsKnownDead(NodeId node, long incarnation) =>
        _view.Dead.Contains(new NodeStart(node, incarnation)) || standing.IsRefused(new NodeStart(node, incarnation));

    public void Reported(IReadOnlyList<NodeStatus> reports) => _reports = reports.ToDictionary(report => report.Id);

    protected override async Task ExecuteAsync(CancellationToken stoppingToken)
    {
        try
        {
            await foreach (var snapshot in membership.MembershipUpdates.WithCancellation(stoppingToken))
            {
                // Until the table has been read for the first time there is an empty view that says nothing.
                if (!snapshot.Members.IsEmpty)
                {
                    See(snapshot);
                }
            }
        }
        catch (OperationCanceledException) when (stoppingToken.IsCancellationRequested)
        {
            return;
        }
    }

    private void See(ClusterMembershipSnapshot snapshot)
    {
        var active = snapshot.Members.Values.Where(member => member.Status == SiloStatus.Active)
            .GroupBy(member => new NodeId(member.Name))
            .ToDictionary(group => group.Key, group => group.MaxBy(member => member.SiloAddress.Generation)!.SiloAddress);
        var before = _view;
        _view = new View(active, new(TaskCreationOptions.RunContinuationsAsynchronously))
        {
            Own = snapshot.Members.Values.FirstOrDefault(member => member.Name == Self.Value && member.SiloAddress.Generation == Incarnation)?.SiloAddress,
            Dead = snapshot.Members.Values.Where(member => member.Status == SiloStatus.Dead)
                .Select(member => new NodeStart(new NodeId(member.Name), member.SiloAddress.Generation)).ToHashSet(),
        };
        Changed(snapshot.Version.Value, string.Join(' ', _view.Nodes));
        // After the view: a newer version is confirmed only by who refuses the dead of it.
        standing.Saw(snapshot.Version.Value);
        before.Changed.TrySetResult();
    }

    private sealed record View(Dictionary<NodeId, SiloAddress> Active, TaskCompletionSource Changed)
    {
        public HashSet<NodeStart> Dead { get; init; } = [];
        public SiloAddress? Own { get; init; }
        public IReadOnlyList<NodeId> Nodes { get; } = [.. Active.Keys.OrderBy(node => node.Value, StringComparer.Ordinal)];
    }
}
