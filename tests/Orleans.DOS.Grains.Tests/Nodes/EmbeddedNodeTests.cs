using System.Net;
using Microsoft.AspNetCore.Builder;
using Microsoft.Extensions.Logging;
using Orleans.DOS.Server;
using Orleans.DOS.Server.Boot;
using Xunit;

namespace Orleans.DOS.Grains.Tests.Nodes;

/// <summary>A node in somebody's own application: what the host opened is closed with the host, whatever became of it.</summary>
public sealed class EmbeddedNodeTests : IDisposable
{
    private readonly string _data = System.IO.Path.Combine(System.IO.Path.GetTempPath(), $"dos-{Guid.NewGuid():N}");

    [Fact]
    public async Task Host_ThatIsDisposedOf_LeavesItsDirectoryToTheNextOne()
    {
        for (var round = 0; round < 2; round++)
        {
            await using var host = Builder().Build();
            host.MapDosNode();
            await host.StartAsync();
            using var http = new HttpClient { BaseAddress = new Uri(host.Urls.First(url => url.StartsWith("http://127", StringComparison.Ordinal))) };
            Assert.Equal(HttpStatusCode.OK, (await http.GetAsync("/health/ready")).StatusCode);
            await host.StopAsync();
        }
    }

    [Fact]
    public async Task Host_ThatIsNeverStarted_LeavesItsDirectoryToTheNextOne()
    {
        for (var round = 0; round < 2; round++)
        {
            await using var host = Builder().Build();
        }
    }

    [Fact]
    public async Task Application_ThatCannotTakeANode_LeavesNothingOpen()
    {
        var builder = WebApplication.CreateSlimBuilder();
        await using var built = builder.Build();
        for (var round = 0; round < 2; round++)
        {
            // Its services are closed: the node is refused after its directory was opened.
            Assert.Throws<InvalidOperationException>(() => builder.AddDosNode(options => options.DataDirectory = _data));
        }
        await using var host = Builder().Build();
    }

    [Theory]
    [InlineData("127.0.0.1", "http://127.0.0.1:17010", "127.0.0.1:30000")]
    [InlineData("::1", "http://[::1]:17010", "[::1]:30000")]
    [InlineData("fd00::7", "http://[fd00::7]:17010", "[fd00::7]:30000")]
    public void Addresses_OfANode_CanBeRead(string listen, string url, string gateway)
    {
        var address = IPAddress.Parse(listen);
        Assert.Equal((url, gateway), (NodeBoot.UrlOf(address, 17010), NodeBoot.GatewayOf(address, 30000)));
        Assert.Equal((17010, address), (new Uri(url).Port, IPAddress.Parse(new Uri(url).Host)));
        Assert.Equal(new IPEndPoint(address, 30000), IPEndPoint.Parse(gateway));
    }

    public void Dispose()
    {
        if (Directory.Exists(_data))
        {
            Directory.Delete(_data, recursive: true);
        }
    }

    private WebApplicationBuilder Builder()
    {
        var builder = WebApplication.CreateSlimBuilder();
        builder.Logging.ClearProviders();
        builder.AddDosNode(options => options.DataDirectory = _data);
        return builder;
    }
}
