using Orleans.DOS.Files;
using Orleans.DOS.Jobs;
using Orleans.DOS.Machines;
using Orleans.DOS.Nodes;
using Orleans.DOS.Processes;

namespace Orleans.DOS.Client.Cluster;

/// <summary>One machine over Orleans, as one caller.</summary>
public sealed class ClusterMachine : IMachine
{
    private readonly ClusterCaller _caller;

    internal ClusterMachine(string name, ClusterCaller caller)
    {
        (Name, _caller) = (name, caller);
        Processes = new ClusterProcesses(caller);
        Jobs = new ClusterJobs(caller);
        Files = new ClusterFiles(caller);
        Nodes = new ClusterNodes(caller);
    }

    public string Name { get; }
    public IProcesses Processes { get; }
    public IJobs Jobs { get; }
    public IFiles Files { get; }
    public INodes Nodes { get; }

    public IMachine WithRequest(RequestId request) => new ClusterMachine(Name, _caller.With(RequestIds.Named(request)));
}
