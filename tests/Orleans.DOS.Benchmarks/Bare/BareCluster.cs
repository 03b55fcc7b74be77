using System.Diagnostics;
using System.Net;
using System.Net.Sockets;
using Microsoft.Extensions.DependencyInjection;
using Microsoft.Extensions.Hosting;
using Microsoft.Extensions.Logging;
using Orleans.Concurrency;
using Orleans.Configuration;
using Orleans.DOS.Benchmarks.Suites;
using Orleans.DOS.Files;

namespace Orleans.DOS.Benchmarks.Bare;

/// <summary>Two bare silos in processes of their own and a client of the first: the same hops as a client, its node and a remote replica.</summary>
public sealed class BareCluster : IAsyncDisposable
{
    /// <summary>Items in flight: its own number, so that tuning ours moves no limit.</summary>
    private const int Window = 8;

    private const int ItemBytes = Limits.FramePayloadBytesMax;
    private readonly List<Process> _silos = [];
    private IHost? _client;
    private IBareGrain _far = null!;

    public static async Task<BareCluster> StartAsync()
    {
        var cluster = new BareCluster();
        var (first, second) = (FreePort(), FreePort());
        var gateway = FreePort();
        cluster.Spawn("bare1", first, gateway, first);
        cluster.Spawn("bare2", second, FreePort(), first);
        var builder = Host.CreateApplicationBuilder();
        builder.Logging.ClearProviders();
        builder.UseOrleansClient(client => client
            .UseStaticClustering(new IPEndPoint(IPAddress.Loopback, gateway))
            .UseConnectionRetryFilter(async (_, cancellation) => { await Task.Delay(200, cancellation); return true; }) // tidy: a pause between tries to connect
            .Configure<ClusterOptions>(options => { options.ClusterId = "bare"; options.ServiceId = "bare"; }));
        cluster._client = builder.Build();
        await cluster._client.StartAsync();
        var grains = cluster._client.Services.GetRequiredService<IGrainFactory>();
        for (var number = 0; cluster._far is null; number++)
        {
            var grain = grains.GetGrain<IBareGrain>($"k:{number}");
            if (await grain.WhereAsync() == "bare2")
            {
                cluster._far = grain;
            }
        }
        return cluster;
    }

    /// <summary>MiB/s of 256 KiB items from the far silo, <see cref="Window"/> in flight.</summary>
    public Task<double> ReadAsync(TimeSpan duration) => TransferAsync(duration, async () => (await _far.GetAsync(ItemBytes)).Value.Length);

    public Task<double> WriteAsync(TimeSpan duration)
    {
        var item = new Immutable<byte[]>(new byte[ItemBytes]);
        return TransferAsync(duration, () => _far.PutAsync(item));
    }

    /// <summary>Calls a second of an empty call over the same hops.</summary>
    public async Task<double> CallsAsync(TimeSpan duration, int inFlight)
    {
        var watch = Stopwatch.StartNew();
        var calls = 0L;
        await Task.WhenAll(Enumerable.Range(0, inFlight).Select(async _ =>
        {
            while (watch.Elapsed < duration)
            {
                await _far.GetAsync(0);
                Interlocked.Increment(ref calls);
            }
        }));
        return calls / watch.Elapsed.TotalSeconds;
    }

    /// <summary>
    /// Milliseconds of each of <paramref name="times"/> empty calls over the same hops, sorted, while as much is in flight as four streams of a client have,
    /// half of it one way and half the other.
    /// </summary>
    public async Task<double[]> CallsBesideTransferAsync(int times)
    {
        const int streams = 4;
        var inFlight = Math.Max(streams * TransferWindow.OfProcess.OwnFrames, TransferWindow.OfProcess.FramesMax);
        var item = new Immutable<byte[]>(new byte[ItemBytes]);
        using var stop = new CancellationTokenSource();
        var transfers = Task.WhenAll(Enumerable.Range(0, inFlight).Select(async number =>
        {
            while (!stop.IsCancellationRequested)
            {
                _ = number % 2 == 0 ? (await _far.GetAsync(ItemBytes)).Value.Length : await _far.PutAsync(item);
            }
        }));
        // Asking for no bytes would change what the transfers are given.
        var taken = await Load.MillisecondsAsync(times, () => _far.WhereAsync());
        await stop.CancelAsync();
        await transfers;
        return taken;
    }

    private static async Task<double> TransferAsync(TimeSpan duration, Func<Task<int>> transfer)
    {
        await transfer();
        var watch = Stopwatch.StartNew();
        var bytes = 0L;
        await Task.WhenAll(Enumerable.Range(0, Window).Select(async _ =>
        {
            while (watch.Elapsed < duration)
            {
                Interlocked.Add(ref bytes, await transfer());
            }
        }));
        return bytes / watch.Elapsed.TotalSeconds / (1024 * 1024);
    }

    public static int FreePort()
    {
        using var listener = new TcpListener(IPAddress.Loopback, 0);
        listener.Start();
        return ((IPEndPoint)listener.LocalEndpoint).Port;
    }

    private void Spawn(string name, int siloPort, int gatewayPort, int primaryPort)
    {
        var start = new ProcessStartInfo(Environment.ProcessPath!) { RedirectStandardOutput = true, RedirectStandardError = true };
        foreach (var argument in new object[] { "bare-silo", name, siloPort, gatewayPort, primaryPort })
        {
            start.ArgumentList.Add(argument.ToString()!);
        }
        _silos.Add(Process.Start(start)!);
    }

    public async ValueTask DisposeAsync()
    {
        if (_client is not null)
        {
            await _client.StopAsync();
            _client.Dispose();
        }
        foreach (var silo in _silos)
        {
            silo.Kill(entireProcessTree: true);
            await silo.WaitForExitAsync();
            silo.Dispose();
        }
    }
}
