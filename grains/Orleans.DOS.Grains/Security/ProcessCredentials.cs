using Orleans.DOS.Jobs;
using Orleans.DOS.Processes;

namespace Orleans.DOS.Security;

/// <summary>Credentials of processes, signed with the cluster's key: every node can check them without asking anyone.</summary>
public sealed class ProcessCredentials(ClusterKey key) : IProcessCredentials
{
    public string Issue(MachineId machine, ProcessId pid, long incarnation, Principal principal) => key.SignProcess(machine, pid, incarnation, principal);

    public string IssueTask(MachineId machine, JobId job, long coordinatorEpoch, Principal principal) => key.SignTask(machine, job, coordinatorEpoch, principal);
}
