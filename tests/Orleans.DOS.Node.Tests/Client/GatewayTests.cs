using System.Net;
using Microsoft.Extensions.DependencyInjection;
using Microsoft.Extensions.Hosting;
using Orleans.Configuration;
using Orleans.DOS.Client;
using Orleans.DOS.Files;
using Orleans.DOS.Machines;
using Orleans.DOS.Node.Tests.Harness;
using Orleans.Messaging;
using Xunit;

namespace Orleans.DOS.Node.Tests.Client;

[Collection(OnSqlite.Name)]
public sealed class GatewayTests(SqliteNodes three)
{
    /// <summary>Enough that some are surely owned by the node whose gateway is left.</summary>
    private const int Files = 16;

    private static readonly TimeSpan CallMax = TimeSpan.FromSeconds(6);

    /// <summary>What a node's own grains answer must reach a client that has left that node's gateway and waits at another.</summary>
    [Fact]
    public async Task Client_ThatLeavesAGateway_IsAnsweredByTheNodeBehindIt()
    {
        await three.HealAsync();
        var gateways = new Gateways { Now = [Gateway(0), Gateway(1)] };
        var builder = Host.CreateApplicationBuilder();
        builder.Services.AddDosClient(client => client.UseOrleans([new Uri(three.Nodes[0].Url)], three.Nodes.Credential));
        builder.Services.AddSingleton<IGatewayListProvider>(gateways);
        builder.Services.Configure<GatewayOptions>(static options => options.GatewayListRefreshPeriod = TimeSpan.FromMilliseconds(100));
        using var host = builder.Build();
        await host.StartAsync();
        var machine = host.Services.GetRequiredService<IMachine>();
        var root = $"/gateways-{Guid.NewGuid():n}";
        await machine.Files.MakeDirectoryAsync(root);
        var files = new List<IFileHandle>();
        for (var number = 0; number < Files; number++)
        {
            files.Add(await machine.Files.OpenAsync($"{root}/{number}", new FileOpenOptions { Create = true }));
            await files[^1].AppendAsync(new byte[10]);
        }

        gateways.Now = [Gateway(0)];
        // What is asked for is closed before the list is asked for again.
        var asked = gateways.Asked;
        await Eventually.TrueAsync("the client has left the gateway", TimeSpan.FromSeconds(20), () => Task.FromResult(gateways.Asked >= asked + 3));
        await Task.WhenAll(files.Select(file => file.AppendAsync(new byte[10]).WaitAsync(CallMax)));

        foreach (var file in files)
        {
            await file.DisposeAsync();
        }
        await host.StopAsync();
    }

    private Uri Gateway(int node) => new($"gwy.tcp://{IPEndPoint.Parse(three.Nodes[node].Gateway)}/0");

    private sealed class Gateways : IGatewayListProvider
    {
        private int _asked;

        public IReadOnlyList<Uri> Now { get; set; } = [];
        public int Asked => Volatile.Read(ref _asked);
        public TimeSpan MaxStaleness => TimeSpan.FromMilliseconds(100);
        public bool IsUpdatable => true;

        public Task InitializeGatewayListProvider() => Task.CompletedTask;

        public Task<IList<Uri>> GetGateways()
        {
            Interlocked.Increment(ref _asked);
            return Task.FromResult<IList<Uri>>([.. Now]);
        }
    }
}
