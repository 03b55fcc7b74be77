using System.Globalization;
using System.Net;
using System.Runtime.InteropServices;
using System.Text.Json;
using Microsoft.Extensions.DependencyInjection;
using Microsoft.Extensions.Hosting;
using Orleans.DOS.Catalog;
using Orleans.DOS.Node.Tests.Harness;
using Xunit;

namespace Orleans.DOS.Node.Tests.Nodes;

/// <summary>What a node says of itself: whether it lives and is ready, what it has, and where it is.</summary>
[Collection(RealNodes.Name)]
public sealed class HealthTests
{
    private static readonly TimeSpan Noticed = TimeSpan.FromSeconds(15);

    [Fact]
    public async Task Node_WithoutItsCatalog_IsAliveAndNotReady()
    {
        Assert.SkipWhen(PostgresServer.Binaries is null, "PostgreSQL is not installed");
        await using var server = await PostgresServer.StartAsync();
        await using var nodes = await TestNodes.StartAsync(1, await server.CreateDatabaseAsync());
        // Whoever asks for health has no credential.
        using var stranger = new HttpClient { BaseAddress = new Uri(nodes[0].Url) };
        Assert.Equal(HttpStatusCode.OK, await StatusAsync(stranger, "live"));
        Assert.Equal(HttpStatusCode.OK, await StatusAsync(stranger, "ready"));

        await server.StopAtOnceAsync();
        await Eventually.TrueAsync("not ready", Noticed, async () => await StatusAsync(stranger, "ready") == HttpStatusCode.ServiceUnavailable, () => nodes.Logs);
        Assert.Equal(HttpStatusCode.OK, await StatusAsync(stranger, "live"));

        await server.StartAgainAsync();
        await Eventually.TrueAsync("ready again", Noticed, async () => await StatusAsync(stranger, "ready") == HttpStatusCode.OK, () => nodes.Logs);
    }

    [Fact]
    public async Task Terminate_WhileTheCatalogHangs_EndsWithinTenSeconds()
    {
        Assert.SkipWhen(PostgresServer.Binaries is null, "PostgreSQL is not installed");
        await using var server = await PostgresServer.StartAsync();
        await using var nodes = await TestNodes.StartAsync(1, await server.CreateDatabaseAsync());
        // It neither answers nor refuses, which is the worst that a database can do.
        int[] frozen = [server.ProcessId, .. HostProcesses.ChildrenOf(server.ProcessId)];
        HostProcesses.Signal("STOP", frozen);
        try
        {
            nodes[0].Terminate();
            Assert.NotEqual(0, await nodes[0].ExitAsync(TimeSpan.FromSeconds(10)));
            Assert.Contains("not stopped after", nodes[0].Log, StringComparison.Ordinal);
        }
        finally
        {
            HostProcesses.Signal("CONT", frozen);
        }
    }

    [Fact]
    public async Task Node_ShowsItsLabelsAndWhatItLends()
    {
        await using var nodes = new TestNodes(1);
        nodes.Add("n1", "--label", "rack=r1", "--label", "disk=ssd=fast", "--cpus", "1.5").Start();
        await nodes.ReadyAsync();
        using var table = JsonDocument.Parse(await nodes[0].Http.GetStringAsync("/v1/nodes"));
        var node = Assert.Single(table.RootElement.EnumerateArray());
        var labels = node.GetProperty("labels").EnumerateObject().ToDictionary(label => label.Name, label => label.Value.GetString());
        Assert.Equal("r1", labels["rack"]);
        Assert.Equal("ssd=fast", labels["disk"]);
        Assert.Equal("n1", labels["name"]);
        Assert.Equal("linux", labels["os"]);
        Assert.Equal(RuntimeInformation.OSArchitecture.ToString().ToLowerInvariant(), labels["arch"]);
        Assert.Equal(Environment.ProcessorCount.ToString(CultureInfo.InvariantCulture), labels["cores"]);

        long Figure(string name) => node.GetProperty(name).GetInt64();
        Assert.Equal(1500, Figure("cpuMillicores"));
        Assert.Equal(nodes[0].Pid, Figure("hostProcess"));
        Assert.InRange(Figure("memoryUsedBytes"), 20_000_000, Figure("memoryBytes"));
        Assert.InRange(Figure("diskUsedBytes"), 1, Figure("diskBytes"));
        Assert.Equal(new DriveInfo(nodes.Data).TotalSize, Figure("diskBytes"));
    }

    [Fact]
    public async Task Node_OnAnIPv6Address_AnswersAtBothDoors()
    {
        Assert.SkipUnless(System.Net.Sockets.Socket.OSSupportsIPv6 && System.IO.File.Exists("/proc/net/if_inet6")
            && System.IO.File.ReadAllText("/proc/net/if_inet6").Contains(" lo", StringComparison.Ordinal), "the host has no ::1");
        await using var nodes = new TestNodes(1);
        nodes.Add("n1", "--listen", "::1").Start();
        await nodes.ReadyAsync();
        Assert.StartsWith("http://[::1]:", nodes[0].Url, StringComparison.Ordinal);
        using var client = await OrleansClient.ConnectAsync(nodes[0]);
        await client.StopAsync();
    }

    private static async Task<HttpStatusCode> StatusAsync(HttpClient http, string what)
    {
        using var response = await http.GetAsync("/health/" + what);
        return response.StatusCode;
    }
}
