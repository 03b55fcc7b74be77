using System.Net;
using System.Net.Http.Headers;
using Microsoft.Extensions.DependencyInjection;
using Microsoft.Extensions.Hosting;
using Orleans.DOS.Node.Tests.Harness;
using Orleans.DOS.Nodes;
using Orleans.DOS.Security;
using Orleans.Runtime;
using Xunit;

namespace Orleans.DOS.Node.Tests.Nodes;

/// <summary>Nothing answers without a credential, and a credential answers for its owner only.</summary>
[Collection(RealNodes.Name)]
public sealed class CredentialTests
{
    private static readonly CallContext AsAdmin = new() { Machine = MachineId.Main, Principal = Principal.Admin, Request = RequestId.None };

    [Fact]
    public async Task Calls_WithoutTheRightCredential_AreRefusedAtBothDoors()
    {
        await using var nodes = await TestNodes.StartAsync(1);
        await HttpIsRefusedAsync(nodes);
        using var client = await OrleansClient.ConnectAsync(nodes[0]);
        var table = client.Services.GetRequiredService<IGrainFactory>().GetGrain<INodeTableGrain>(GrainKeys.Cluster("nodes"));

        await RefusedAsync(DosErrorCode.Unauthenticated, () => table.ListAsync(AsAdmin));
        RequestContext.Set(Credentials.RequestContextKey, "dos1." + new string('A', 43));
        await RefusedAsync(DosErrorCode.Unauthenticated, () => table.ListAsync(AsAdmin));
        RequestContext.Set(Credentials.RequestContextKey, "dosn1.bm9kZQoxMjM." + new string('A', 43));
        await RefusedAsync(DosErrorCode.Unauthenticated, () => table.ListAsync(AsAdmin));

        RequestContext.Set(Credentials.RequestContextKey, nodes.Credential);
        Assert.Single(await table.ListAsync(AsAdmin));
        await RefusedAsync(DosErrorCode.PermissionDenied, () => table.ListAsync(AsAdmin with { Principal = new Principal("eve", 7, 7) }));
        await RefusedAsync(DosErrorCode.PermissionDenied, () => table.ListAsync(AsAdmin with { Process = new ProcessId(100), Incarnation = 1 }));
        await RefusedAsync(DosErrorCode.PermissionDenied, () => table.ReportAsync(AsAdmin, new NodeStatus { Id = new NodeId("n-eve"), State = NodeState.Ready }));
        await client.StopAsync();
    }

    [Fact]
    public async Task Management_OfOrleans_IsClosedToClientsWithoutCredential()
    {
        await using var nodes = await TestNodes.StartAsync(1);
        using var client = await OrleansClient.ConnectAsync(nodes[0]);
        var management = client.Services.GetRequiredService<IGrainFactory>().GetGrain<IManagementGrain>(0);
        await RefusedAsync(DosErrorCode.Unauthenticated, () => management.GetHosts());
        await client.StopAsync();
    }

    [Fact]
    public async Task CredentialFiles_AreForTheirOwnerOnly()
    {
        await using var nodes = await TestNodes.StartAsync(1);
        const UnixFileMode ownerOnly = UnixFileMode.UserRead | UnixFileMode.UserWrite;
        foreach (var file in (string[])["credential", "cluster.key"])
        {
            Assert.Equal(ownerOnly, OperatingSystem.IsWindows() ? default : System.IO.File.GetUnixFileMode(Path.Combine(nodes.Data, file)));
        }
        Assert.Matches("^dos1\\.[A-Za-z0-9_-]{43}$", nodes.Credential);
    }

    private static async Task HttpIsRefusedAsync(TestNodes nodes)
    {
        using var stranger = new HttpClient { BaseAddress = new Uri(nodes[0].Url) };
        using var none = await stranger.GetAsync("/v1/nodes");
        Assert.Equal(HttpStatusCode.Unauthorized, none.StatusCode);
        stranger.DefaultRequestHeaders.Authorization = new AuthenticationHeaderValue("Bearer", "dos1." + new string('A', 43));
        using var wrong = await stranger.GetAsync("/v1/nodes");
        Assert.Equal(HttpStatusCode.Unauthorized, wrong.StatusCode);
    }

    private static async Task RefusedAsync(DosErrorCode code, Func<Task> call) =>
        Assert.Equal(code, (await Assert.ThrowsAsync<DosException>(call)).Code);
}
