using System.Collections.Concurrent;
using Orleans.DOS.Files;
using Orleans.DOS.Jobs;
using Orleans.DOS.Machines;
using Orleans.DOS.Nodes;
using Orleans.DOS.Processes;
using Orleans.DOS.Security;

namespace Orleans.DOS.Tests.Http;

/// <summary>A machine in memory behind the HTTP door: enough of one to see that the door changes nothing on the way.</summary>
internal sealed class DoubleMachines : IMachines
{
    public DoubleFiles FileTree { get; } = new();
    public DoubleProcesses ProcessTable { get; } = new();
    public DoubleJobs JobTable { get; }
    /// <summary>Called before each machine is opened; may throw.</summary>
    public Action<RequestId?>? Opening { get; set; }
    public ConcurrentQueue<RequestId?> Requests { get; } = new();
    public ConcurrentQueue<Caller> Callers { get; } = new();

    public DoubleMachines() => JobTable = new DoubleJobs(FileTree);

    public IMachine Open(string name, Caller caller, RequestId? request = null)
    {
        Requests.Enqueue(request);
        Callers.Enqueue(caller);
        Opening?.Invoke(request);
        return name == "main" ? new Opened(this, caller, request) : throw new DosException(DosErrorCode.NoSuchMachine, $"there is no machine '{name}'");
    }

    private sealed class Opened(DoubleMachines all, Caller caller, RequestId? request) : IMachine
    {
        public string Name => "main";
        public IProcesses Processes => all.ProcessTable.Under(request);
        public IJobs Jobs => all.JobTable;
        public IFiles Files => all.FileTree;
        public INodes Nodes { get; } = new DoubleNodes();
        public IMachine WithRequest(RequestId named) => all.Open(Name, caller, named);
    }

    private sealed class DoubleNodes : INodes
    {
        private static readonly NodeStatus One = new() { Id = new NodeId("n-1"), State = NodeState.Ready, Labels = new Dictionary<string, string> { ["os"] = "linux" }, Reported = DateTimeOffset.UnixEpoch };

        public Task<IReadOnlyList<NodeStatus>> ListAsync(CancellationToken cancellationToken = default) => Task.FromResult<IReadOnlyList<NodeStatus>>([One]);

        public Task<NodeStatus> StatusAsync(NodeId node, CancellationToken cancellationToken = default) =>
            node == One.Id ? Task.FromResult(One) : throw new DosException(DosErrorCode.NoSuchNode, $"there is no node '{node}'");

        public Task<ClusterStatus> ClusterAsync(CancellationToken cancellationToken = default) =>
            Task.FromResult(new ClusterStatus { ClusterId = "c-1", Catalog = "none", NodesReady = 1, NodesTotal = 1 });
    }
}

internal sealed class DoubleVerifier : ICredentialVerifier
{
    public const string Token = "dos1.good";

    public ValueTask<Caller?> VerifyAsync(string token, CancellationToken cancellationToken = default) =>
        ValueTask.FromResult(token == Token ? new Caller(Principal.Admin) : null);
}
