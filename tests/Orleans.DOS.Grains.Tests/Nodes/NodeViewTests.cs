using System.Collections.Immutable;
using System.Net;
using Microsoft.Extensions.Logging.Abstractions;
using Orleans.DOS.Nodes;
using Orleans.Runtime;
using Xunit;

namespace Orleans.DOS.Grains.Tests.Nodes;

public sealed class NodeViewTests
{
    private static readonly SiloAddress Own = SiloAddress.New(IPAddress.Loopback, 1, 7), Other = SiloAddress.New(IPAddress.Loopback, 2, 8);

    /// <summary>What its owners close last is on its own disk, too.</summary>
    [Fact]
    public async Task Node_ThatIsLeaving_ReachesItself_AndNoOtherThatLeaves()
    {
        var identity = new NodeIdentity(new("n-1"), 7, new("d-1"), "test");
        using var view = new NodeView(
            identity, new Membership(SiloStatus.ShuttingDown), new NodeStanding(identity, TimeProvider.System), NullLogger<NodeView>.Instance);
        var seen = view.NextChange;
        await view.StartAsync(CancellationToken.None);
        await seen.WaitAsync(TimeSpan.FromSeconds(20));
        Assert.Empty(view.Active);
        Assert.True(view.TryGetAddress(new("n-1"), out var address));
        Assert.Equal(Own, address);
        Assert.False(view.TryGetAddress(new("n-2"), out _));
        await view.StopAsync(CancellationToken.None);
    }

    private sealed class Membership(SiloStatus status) : IClusterMembershipService
    {
        public ClusterMembershipSnapshot CurrentSnapshot { get; } = new(
            ImmutableDictionary<SiloAddress, ClusterMember>.Empty
                .Add(Own, new ClusterMember(Own, status, "n-1")).Add(Other, new ClusterMember(Other, status, "n-2")), new MembershipVersion(1));

        public IAsyncEnumerable<ClusterMembershipSnapshot> MembershipUpdates => Updates();

        public ValueTask Refresh(MembershipVersion minimumVersion = default, CancellationToken cancellationToken = default) => default;

        public Task<bool> TryKill(SiloAddress siloAddress) => Task.FromResult(false);

        private async IAsyncEnumerable<ClusterMembershipSnapshot> Updates()
        {
            yield return CurrentSnapshot;
            await Task.CompletedTask;
        }
    }
}
