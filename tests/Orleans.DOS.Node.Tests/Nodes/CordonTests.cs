using Microsoft.Extensions.DependencyInjection;
using Microsoft.Extensions.Hosting;
using Orleans.DOS.Node.Tests.Harness;
using Orleans.DOS.Nodes;
using Orleans.DOS.Security;
using Orleans.Runtime;
using Xunit;

namespace Orleans.DOS.Node.Tests.Nodes;

[Collection(RealNodes.Name)]
public sealed class CordonTests
{
    private static readonly CallContext AsAdmin = new() { Machine = MachineId.Main, Principal = Principal.Admin, Request = RequestId.None };

    [Fact]
    public async Task Cordon_OutlivesEveryNode()
    {
        await using var nodes = await TestNodes.StartAsync(1);
        var node = new NodeId(nodes[0].NodeId);
        using (var client = await OrleansClient.ConnectAsync(nodes[0]))
        {
            RequestContext.Set(Credentials.RequestContextKey, nodes.Credential);
            var settings = client.Services.GetRequiredService<IGrainFactory>().GetGrain<IClusterSettingsGrain>(GrainKeys.Cluster("settings"));
            var unknown = await Assert.ThrowsAsync<DosException>(() => settings.CordonAsync(AsAdmin, new NodeId("n-nobody"), true));
            Assert.Equal(DosErrorCode.NoSuchNode, unknown.Code);
            await settings.CordonAsync(AsAdmin, node, true);
            await client.StopAsync();
        }
        await CordonedAsync(nodes, node);

        nodes[0].Kill();
        await nodes[0].ExitAsync(TimeSpan.FromSeconds(5));
        nodes[0].Start();
        await nodes[0].ReadyAsync(TestNodes.StartDeadline);
        await CordonedAsync(nodes, node);
    }

    private static Task CordonedAsync(TestNodes nodes, NodeId node) => Eventually.TrueAsync(
        "the node is shown as cordoned", TimeSpan.FromSeconds(10),
        async () => (await TestNodes.StatesAsync(nodes[0]))[node.Value] == "cordoned", () => nodes.Logs);
}
