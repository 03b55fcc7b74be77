namespace Orleans.DOS.Node.Tests.Harness;

/// <summary>Nodes of one cluster, as faults hurt them. Disposing ends them all and removes what they stored.</summary>
public interface IHurtNodes : IAsyncDisposable
{
    /// <summary>The doors of all, for as long as the cluster exists.</summary>
    IReadOnlyList<Uri> Doors { get; }
    string Credential { get; }
    string Logs { get; }

    /// <summary>Whether one of them has a small disk of its own.</summary>
    bool CanFillDisk { get; }

    /// <summary>Where the node's segments lie.</summary>
    string DiskOf(int node);
    Task KillAsync(int node);
    /// <summary>Stops its process, as a host that hangs does.</summary>
    void Freeze(int node);

    /// <summary>All ways are as they were, stopped nodes go on, those that have ended run again, and each sees all.</summary>
    Task HealAsync();
}
