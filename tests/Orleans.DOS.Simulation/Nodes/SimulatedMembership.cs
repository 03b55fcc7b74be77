using System.Collections.Immutable;
using Orleans.DOS.Nodes;

namespace Orleans.DOS.Simulation.Nodes;

/// <summary>The catalog of a run about leases: membership, the views that nodes have confirmed, and the owner of one object. Each method is one transaction.</summary>
public sealed class SimulatedMembership
{
    private readonly Dictionary<NodeStart, Member> _members = [];
    private readonly Dictionary<NodeId, ViewConfirmation> _views = [];
    private long _version;

    public OwnerRecord? Owner { get; private set; }

    /// <summary>Nobody reaches it until then.</summary>
    public long AwayUntil { get; set; }

    public MembershipReading Read() => new(_version, [.. _members.Values], [.. _views.Values]);

    public bool IsActive(NodeStart start) => _members.TryGetValue(start, out var member) && member.IsActive;

    public void Set(NodeStart start, bool isActive, bool isDead)
    {
        _members[start] = new Member(start.Node, start.Incarnation, isActive, isDead);
        _version++;
    }

    public bool Confirm(NodeStart by, long version, ImmutableHashSet<NodeStart> others)
    {
        if (!IsActive(by))
        {
            return false;
        }
        if (!_views.TryGetValue(by.Node, out var old) || old.By.Incarnation < by.Incarnation || old.Version < version)
        {
            _views[by.Node] = new ViewConfirmation(by, version, others);
        }
        return true;
    }

    public OwnerRecord Take(NodeStart by) => Owner = Owner?.Take(by) ?? OwnerRecord.First(by);

    public void Clear(long epoch) => Owner = Owner?.Clear(epoch) ?? Owner;
}
