using Orleans.DOS.Jobs;
using Orleans.DOS.Security;

namespace Orleans.DOS.Processes;

/// <summary>
/// Makes the credentials that what runs in a worker presents to its node. Every node of the cluster checks them, and that what they
/// name still runs: with the end of an incarnation or a job its credential ends.
/// </summary>
public interface IProcessCredentials
{
    /// <summary>For one incarnation of a process.</summary>
    string Issue(MachineId machine, ProcessId pid, long incarnation, Principal principal);

    /// <summary>For the tasks of a job, which act for its principal.</summary>
    string IssueTask(MachineId machine, JobId job, long coordinatorEpoch, Principal principal);
}

/// <summary>Where a worker finds its node's HTTP door: a Unix socket, so that no port is open to others.</summary>
public sealed record WorkerEndpoint(string ApiSocketPath, string RunDirectory);
