using Microsoft.Extensions.Diagnostics.HealthChecks;
using Microsoft.Extensions.Time.Testing;
using Orleans.DOS.Catalog;
using Orleans.DOS.Grains.Tests.Catalog;
using Orleans.DOS.Nodes;
using Orleans.DOS.Server.Nodes;
using Orleans.Runtime;
using Xunit;

namespace Orleans.DOS.Grains.Tests.Nodes;

/// <summary>When a node says that it is ready, and what it asks for that.</summary>
public sealed class NodeReadyTests
{
    private readonly FakeTimeProvider _time = new();
    private readonly View _view = new();

    [Fact]
    public async Task Ready_OnlyWhileTheSiloIsActiveAndTheCatalogAnswers()
    {
        await using var database = new SqliteTestDatabase();
        await using var open = await CatalogFactory.OpenAsync(database.Settings);
        var catalog = new SwitchedCatalog(open);
        var ready = new NodeReady(_view, catalog, _time);
        Assert.Equal((HealthStatus.Unhealthy, 0), (await StatusAsync(ready), catalog.Reads));
        _view.IsActive = true;
        Assert.Equal(HealthStatus.Healthy, await StatusAsync(ready));
        catalog.Answer = SwitchedCatalog.Away;
        _time.Advance(TimeSpan.FromSeconds(1));
        Assert.Equal(HealthStatus.Unhealthy, await StatusAsync(ready));
        catalog.Answer = null;
        _time.Advance(TimeSpan.FromSeconds(1));
        Assert.Equal(HealthStatus.Healthy, await StatusAsync(ready));
        _view.IsActive = false;
        Assert.Equal(HealthStatus.Unhealthy, await StatusAsync(ready));
    }

    [Fact]
    public async Task AllWhoAskWithinASecond_CostTheCatalogOneRead()
    {
        await using var database = new SqliteTestDatabase();
        await using var open = await CatalogFactory.OpenAsync(database.Settings);
        var catalog = new SwitchedCatalog(open);
        var ready = new NodeReady(_view, catalog, _time);
        _view.IsActive = true;
        await Task.WhenAll(Enumerable.Range(0, 100).Select(_ => StatusAsync(ready)));
        Assert.Equal(1, catalog.Reads);
        _time.Advance(TimeSpan.FromSeconds(1));
        await StatusAsync(ready);
        Assert.Equal(2, catalog.Reads);
    }

    private static async Task<HealthStatus> StatusAsync(NodeReady ready) => (await ready.CheckHealthAsync(new HealthCheckContext(), default)).Status;

    private sealed class View : INodeView
    {
        public bool IsActive { get; set; }
        public NodeId Self => new("n-1");
        public long Incarnation => 1;
        public DiskId Disk => default;
        public string ClusterId => "c-1";
        public IReadOnlyList<NodeId> Active => IsActive ? [Self] : [];
        public IReadOnlyDictionary<NodeId, NodeStatus> Reports { get; } = new Dictionary<NodeId, NodeStatus>();
        public Task NextChange => new TaskCompletionSource().Task;
        public bool IsFenced(NodeId node, long incarnation) => false;

        public bool TryGetAddress(NodeId node, out SiloAddress address)
        {
            address = SiloAddress.Zero;
            return IsActive;
        }
    }
}
