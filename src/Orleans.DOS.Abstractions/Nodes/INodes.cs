using Orleans.DOS.Security;
using Orleans.Concurrency;

namespace Orleans.DOS.Nodes;

/// <summary>Stored: never renumber.</summary>
public enum NodeState : short { Joining = 1, Ready = 2, Cordoned = 3, Leaving = 4, Dead = 5 }

[GenerateSerializer, Immutable, Alias("dos.NodeStatus")]
public sealed record NodeStatus
{
    [Id(0)] public required NodeId Id { get; init; }
    [Id(1)] public required NodeState State { get; init; }
    /// <summary>Grows with each start of the node.</summary>
    [Id(2)] public long Incarnation { get; init; }
    /// <summary>Where its HTTP door is, e.g. http://127.0.0.1:7010.</summary>
    [Id(3)] public string? Url { get; init; }
    /// <summary>Orleans gateway, ip:port.</summary>
    [Id(4)] public string? Gateway { get; init; }
    [Id(5)] public int CpuMillicores { get; init; }
    /// <summary>CPU used by node and workers over the last second, in milli-cores.</summary>
    [Id(6)] public int CpuUsedMillicores { get; init; }
    [Id(7)] public long MemoryBytes { get; init; }
    [Id(8)] public long MemoryUsedBytes { get; init; }
    [Id(9)] public long DiskBytes { get; init; }
    [Id(10)] public long DiskUsedBytes { get; init; }
    [Id(11)] public int Processes { get; init; }
    [Id(12)] public int Tasks { get; init; }
    [Id(13)] public IReadOnlyDictionary<string, string> Labels { get; init; } = new Dictionary<string, string>();
    [Id(14)] public DateTimeOffset Reported { get; init; }
    [Id(15)] public DiskId? Disk { get; init; }
    /// <summary>Host's process id of the node, for whoever supervises on the same host.</summary>
    [Id(16)] public int HostProcess { get; init; }
}

/// <summary>Sums over the cluster, for <c>dos status</c>.</summary>
[GenerateSerializer, Immutable, Alias("dos.ClusterStatus")]
public sealed record ClusterStatus
{
    [Id(0)] public required string ClusterId { get; init; }
    [Id(1)] public required string Catalog { get; init; }
    [Id(2)] public int NodesReady { get; init; }
    [Id(3)] public int NodesTotal { get; init; }
    [Id(4)] public int ReplicasDefault { get; init; }
    [Id(5)] public int ReplicasMin { get; init; }
    /// <summary>Bytes with fewer live copies than they should have, times the copies missing.</summary>
    [Id(6)] public long BytesBelowTarget { get; init; }
    [Id(7)] public long SchemaVersion { get; init; }
    [Id(8)] public string Release { get; init; } = "";
    /// <summary>Segments that are being written with fewer live copies than they should have; what their bytes are is not wholly known yet.</summary>
    [Id(9)] public long OpenSegmentsBelowTarget { get; init; }
}

public interface INodes
{
    Task<IReadOnlyList<NodeStatus>> ListAsync(CancellationToken cancellationToken = default);
    /// <exception cref="DosException"><see cref="DosErrorCode.NoSuchNode"/>.</exception>
    Task<NodeStatus> StatusAsync(NodeId node, CancellationToken cancellationToken = default);
    Task<ClusterStatus> ClusterAsync(CancellationToken cancellationToken = default);
}

/// <summary>The node table (key: <c>GrainKeys.Cluster("nodes")</c>): soft state, rebuilt within a second from the nodes' reports.</summary>
[Alias("dos.INodeTableGrain")]
public interface INodeTableGrain : IGrainWithStringKey
{
    [Alias("List"), AlwaysInterleave] Task<IReadOnlyList<NodeStatus>> ListAsync(CallContext context);
    [Alias("Cluster"), AlwaysInterleave] Task<ClusterStatus> ClusterAsync(CallContext context);
    /// <summary>A node tells of itself every second and gets the whole table back. Only nodes may call it.</summary>
    [Alias("Report"), AlwaysInterleave, NodesOnly] Task<IReadOnlyList<NodeStatus>> ReportAsync(CallContext context, NodeStatus report);
}
