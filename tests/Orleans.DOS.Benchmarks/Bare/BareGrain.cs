using System.Net;
using Microsoft.Extensions.Hosting;
using Orleans.Concurrency;
using Orleans.Configuration;
using Orleans.Placement;
using Microsoft.Extensions.Logging;
using Orleans.Runtime;

namespace Orleans.DOS.Benchmarks.Bare;

/// <summary>Moves bytes through Orleans and does nothing else: the limit that files and pipes are held against.</summary>
[Alias("dos.bench.IBareGrain")]
public interface IBareGrain : IGrainWithStringKey
{
    [Alias("Get")] Task<Immutable<byte[]>> GetAsync(int bytes);
    [Alias("Put")] Task<int> PutAsync(Immutable<byte[]> data);
    [Alias("Where")] Task<string> WhereAsync();
}

// Reentrant: it has no state that calls could disturb, and a window of transfers must overlap.
[Reentrant, RandomPlacement, GrainType("dos.bench.bare")]
public sealed class BareGrain(ILocalSiloDetails silo) : Grain, IBareGrain
{
    private Immutable<byte[]> _bytes = new([]);

    public Task<Immutable<byte[]>> GetAsync(int bytes)
    {
        if (_bytes.Value.Length != bytes)
        {
            _bytes = new Immutable<byte[]>(new byte[bytes]);
        }
        return Task.FromResult(_bytes);
    }

    public Task<int> PutAsync(Immutable<byte[]> data) => Task.FromResult(data.Value.Length);

    public Task<string> WhereAsync() => Task.FromResult(silo.Name);
}

/// <summary>A silo process with nothing but <see cref="BareGrain"/>; the benchmark starts two of itself so.</summary>
public static class BareSilo
{
    public static async Task RunAsync(string name, int siloPort, int gatewayPort, int primaryPort)
    {
        var host = Host.CreateApplicationBuilder();
        host.Logging.ClearProviders();
        host.UseOrleans(silo => silo
            .UseDevelopmentClustering(new IPEndPoint(IPAddress.Loopback, primaryPort))
            .ConfigureEndpoints(IPAddress.Loopback, siloPort, gatewayPort)
            .Configure<ClusterOptions>(options => { options.ClusterId = "bare"; options.ServiceId = "bare"; })
            .Configure<SiloOptions>(options => options.SiloName = name));
        await host.Build().RunAsync();
    }
}
