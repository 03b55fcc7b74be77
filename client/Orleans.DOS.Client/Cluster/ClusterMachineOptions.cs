using Orleans.DOS.Clock;

namespace Orleans.DOS.Client.Cluster;

/// <summary>How calls to the cluster's grains are made.</summary>
public sealed record ClusterMachineOptions
{
    /// <summary>The credential set for each call; null where a call filter sets one (inside a node, and after <c>AddDosClient</c>).</summary>
    public string? Token { get; init; }

    /// <summary>The incarnation of the node through which calls come, or 0 outside of nodes.</summary>
    public Func<long> NodeIncarnation { get; init; } = static () => 0;

    /// <summary>The hybrid clock; null takes the wall clock's milliseconds.</summary>
    public Func<HybridTime>? Clock { get; init; }

    /// <summary>From the first attempt to the answer or the failure; under 6 s.</summary>
    public TimeSpan Budget { get; init; } = CallBudget.Total;

    /// <summary>Bytes that one read asks for at most: what comes in one message, unless the caller and the reading node are one.</summary>
    public int ReadBytesMax { get; init; } = Limits.FramePayloadBytesMax;

    /// <summary>Inside a node, behind its HTTP door.</summary>
    public static ClusterMachineOptions AtDoor(Func<long> nodeIncarnation) => new()
    {
        NodeIncarnation = nodeIncarnation, Budget = CallBudget.AtDoor, ReadBytesMax = Limits.ReadBytesMax,
    };
}
