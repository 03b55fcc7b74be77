using System.Net;
using Microsoft.Extensions.Logging.Abstractions;
using Orleans.DOS.Nodes;
using Orleans.DOS.Segments;
using Orleans.Runtime;

namespace Orleans.DOS.Grains.Tests.Segments;

/// <summary>One node: a real store in a directory of its own behind the real service, a view of its own, and the logs that it owns.</summary>
internal sealed class RigNode : INodeView, IDisposable
{
    private readonly SegmentRig _rig;
    private string _directory = NewDirectory();
    private string _boot = "boot-0";
    private int _boots;
    private int _starts;
    private SegmentService? _service;

    public RigNode(SegmentRig rig, string id)
    {
        (_rig, Self) = (rig, new NodeId(id));
        Catalog = new RigCatalog(rig, rig.Rows);
        Clients = rig.Network.From(Self);
        Restart();
        Logs = new ObjectLogs(Catalog, this, Clients, rig.Time);
    }

    public NodeId Self { get; }
    public SegmentStore Store { get; private set; } = null!;
    public RigCatalog Catalog { get; }
    public INodeClients Clients { get; }
    public ObjectLogs Logs { get; private set; }

    /// <summary>What membership says of it. A node that hangs stays Active for a while.</summary>
    public bool IsActive { get; set; } = true;

    public string Zone { get; set; } = "";
    public NodeState State { get; set; } = NodeState.Ready;
    public ISegmentService RunningService => _service ?? throw new DosException(DosErrorCode.Unavailable, $"node {Self} is down");

    /// <summary>Its process dies and with it what it owned; with <paramref name="powerLoss"/> its host too. What the disk holds then, <paramref name="damage"/> decides.</summary>
    public void Crash(bool powerLoss = false, Action<string>? damage = null)
    {
        var left = NewDirectory();
        Copy(_directory, left);
        Stop();
        _directory = left;
        _boot = powerLoss ? $"boot-{++_boots}" : _boot;
        damage?.Invoke(_directory);
    }

    /// <summary>Comes back with an empty disk.</summary>
    public void Wipe()
    {
        Stop();
        _directory = NewDirectory();
    }

    public void Restart()
    {
        Store = new SegmentStore(_directory, _boot, NullLogger<SegmentStore>.Instance);
        _service = new SegmentService(GrainId.Create("dos.rig", Self.Value), SegmentRig.Silo, NullLoggerFactory.Instance, new SegmentDoor(Store, Clients, _rig.Time));
        IsActive = true;
        _starts++;
        // Nothing that the node knew in memory outlives it.
        Logs = new ObjectLogs(Catalog, this, Clients, _rig.Time);
    }

    /// <summary>A byte of a segment's log changes under the running store.</summary>
    public void Rot(SegmentId segment, long at)
    {
        var path = Directory.GetFiles(_directory, $"{segment.Value}.seg", SearchOption.AllDirectories).Single();
        using var file = new FileStream(path, FileMode.Open, FileAccess.ReadWrite, FileShare.ReadWrite | FileShare.Delete);
        file.Position = 4096 + at;
        var old = file.ReadByte();
        file.Position = 4096 + at;
        file.WriteByte((byte)(old ^ 0x40));
    }

    public SegmentScrubber NewScrubber() => new(Catalog, this, Clients, _rig.Time, NullLogger<SegmentScrubber>.Instance);

    public SegmentRepair NewRepair() => new(Catalog, this, Clients, _rig.Time, NullLogger<SegmentRepair>.Instance);

    public void Dispose()
    {
        if (_service is not null)
        {
            Stop();
        }
        else
        {
            Directory.Delete(_directory, recursive: true);
        }
    }

    private void Stop()
    {
        (_service, IsActive) = (null, false);
        Logs.DisposeAsync().AsTask().Wait();
        Store.Dispose();
        Directory.Delete(_directory, recursive: true);
    }

    private static string NewDirectory() => Directory.CreateTempSubdirectory("dos-rig-").FullName;

    private static void Copy(string from, string to)
    {
        foreach (var path in Directory.GetFiles(from, "*", SearchOption.AllDirectories))
        {
            var target = Path.Combine(to, Path.GetRelativePath(from, path));
            Directory.CreateDirectory(Path.GetDirectoryName(target)!);
            File.Copy(path, target);
        }
    }

    public long Incarnation => 1;
    public DiskId Disk => Store.Id;
    public string ClusterId => "rig";
    public IReadOnlyList<NodeId> Active => [.. _rig.Nodes.Where(node => node.IsActive).Select(node => node.Self)];
    public IReadOnlyDictionary<NodeId, NodeStatus> Reports => _rig.Nodes.ToDictionary(node => node.Self, node => new NodeStatus
    {
        Id = node.Self, State = node.State, DiskBytes = 1 << 30, Labels = new Dictionary<string, string> { ["zone"] = node.Zone },
    });
    public Task NextChange { get; } = new TaskCompletionSource().Task;
    public bool IsFenced(NodeId node, long incarnation) => false;

    public bool TryGetAddress(NodeId node, out SiloAddress address)
    {
        address = SiloAddress.New(IPAddress.Loopback, 1, _rig[node]._starts);
        return _rig[node].IsActive;
    }
}
