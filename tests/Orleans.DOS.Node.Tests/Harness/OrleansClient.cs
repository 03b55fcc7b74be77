using System.Net;
using System.Text.Json;
using Microsoft.Extensions.Hosting;
using Orleans.Configuration;

namespace Orleans.DOS.Node.Tests.Harness;

/// <summary>A plain Orleans client, as anyone could write one: it brings no credential unless a test sets one.</summary>
internal static class OrleansClient
{
    public static async Task<IHost> ConnectAsync(TestNode node)
    {
        using var cluster = JsonDocument.Parse(await node.Http.GetStringAsync("/v1/cluster"));
        var clusterId = cluster.RootElement.GetProperty("clusterId").GetString()!;
        var builder = Host.CreateApplicationBuilder();
        builder.UseOrleansClient(client => client
            .UseStaticClustering(IPEndPoint.Parse(node.Gateway))
            .Configure<ClusterOptions>(options => (options.ClusterId, options.ServiceId) = (clusterId, "orleans-dos")));
        var host = builder.Build();
        await host.StartAsync();
        return host;
    }
}
