namespace Orleans.DOS.Processes;

/// <summary>What the program host knows that a report of capacity needs.</summary>
public interface IWorkerProcesses
{
    /// <summary>The host's process ids of the workers, whose CPU and memory are the node's use too.</summary>
    IReadOnlyList<int> HostProcessIds { get; }
    /// <summary>Programs running now.</summary>
    int Processes { get; }
    /// <summary>Tasks of jobs running now.</summary>
    int Tasks { get; }
}

/// <summary>The programs that can be started, as the workers of this node announce them; every node of one release has the same.</summary>
public interface IProgramManifest
{
    /// <exception cref="DosException">Unavailable: no worker of this node has come up yet.</exception>
    Task<bool> KnowsAsync(string program);
}
