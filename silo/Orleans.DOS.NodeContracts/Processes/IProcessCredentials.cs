using Orleans.DOS.Security;

namespace Orleans.DOS.Processes;

/// <summary>Makes the credential that a process presents to its node: it carries pid and incarnation and is checked by every node of the cluster.</summary>
public interface IProcessCredentials
{
    string Issue(MachineId machine, ProcessId pid, long incarnation, Principal principal);
}

/// <summary>Where a worker finds its node's HTTP door: a Unix socket, so that no port is open to others.</summary>
public sealed record WorkerEndpoint(string ApiSocketPath, string RunDirectory);
