using Orleans.DOS.Client.Cluster;
using Orleans.DOS.Nodes;
using Xunit;

namespace Orleans.DOS.Tests.Client;

public sealed class DoorGatewayListProviderTests
{
    private readonly Table _table = new();

    [Fact]
    public async Task Node_ThatTheTableKnowsNothingOfForAMoment_KeepsItsGateway()
    {
        var gateways = new DoorGatewayListProvider(_table);
        _table.Nodes = [Node("n-1", NodeState.Ready, 1), Node("n-2", NodeState.Cordoned, 2)];
        Assert.Equal([1, 2], await PortsAsync(gateways));
        // The table's own node has died: the next one has no report of the others yet.
        _table.Nodes = [Node("n-1", NodeState.Ready, 1), Node("n-2", NodeState.Joining, null)];
        Assert.Equal([1, 2], await PortsAsync(gateways));
    }

    [Theory]
    [InlineData(NodeState.Dead)]
    [InlineData(NodeState.Leaving)]
    public async Task Node_ThatGoes_LosesItsGateway(NodeState state)
    {
        var gateways = new DoorGatewayListProvider(_table);
        _table.Nodes = [Node("n-1", NodeState.Ready, 1), Node("n-2", NodeState.Ready, 2), Node("n-3", NodeState.Ready, 3)];
        Assert.Equal([1, 2, 3], await PortsAsync(gateways));
        _table.Nodes = [Node("n-1", NodeState.Ready, 1), Node("n-2", state, 2)];
        Assert.Equal([1], await PortsAsync(gateways));
    }

    [Fact]
    public async Task Node_ThatComesBackElsewhere_HasItsNewGateway_AndOneThatJoinsHasNone()
    {
        var gateways = new DoorGatewayListProvider(_table);
        _table.Nodes = [Node("n-1", NodeState.Ready, 1), Node("n-2", NodeState.Joining, 2)];
        Assert.Equal([1], await PortsAsync(gateways));
        _table.Nodes = [Node("n-1", NodeState.Ready, 11), Node("n-2", NodeState.Ready, 2)];
        Assert.Equal([2, 11], await PortsAsync(gateways));
    }

    private static async Task<IEnumerable<int>> PortsAsync(DoorGatewayListProvider gateways) =>
        (await gateways.GetGateways()).Select(static gateway => gateway.Port).Order();

    private static NodeStatus Node(string id, NodeState state, int? port) =>
        new() { Id = new(id), State = state, Gateway = port is null ? null : $"127.0.0.1:{port}" };

    private sealed class Table : INodes
    {
        public IReadOnlyList<NodeStatus> Nodes { get; set; } = [];

        public Task<IReadOnlyList<NodeStatus>> ListAsync(CancellationToken cancellationToken = default) => Task.FromResult(Nodes);
        public Task<NodeStatus> StatusAsync(NodeId node, CancellationToken cancellationToken = default) => throw new NotSupportedException();
        public Task<ClusterStatus> ClusterAsync(CancellationToken cancellationToken = default) => throw new NotSupportedException();
    }
}
