using Orleans.DOS.Nodes;

namespace Orleans.DOS.Grains.Tests.Nodes;

/// <summary>A lease that runs out when a test says so.</summary>
internal sealed class StagedLease : INodeLease
{
    public bool IsHeld { get; set; } = true;

    /// <summary>Called at each look, before it.</summary>
    public Action Looked { get; set; } = static () => { };

    public ValueTask RequireAsync()
    {
        Looked();
        return IsHeld ? ValueTask.CompletedTask : throw new DosException(DosErrorCode.Unavailable, "the lease has run out");
    }

    public bool IsUnchanged(long version) => true;
}
