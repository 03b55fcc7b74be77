using System.Buffers;
using System.Net;
using Microsoft.AspNetCore.Connections;
using Microsoft.Extensions.DependencyInjection;
using Microsoft.Extensions.Hosting;
using Orleans.DOS.Client.Transport;
using Xunit;

namespace Orleans.DOS.Transport;

/// <summary>The sockets under Orleans: bytes in order, a sender that does not run ahead, an end that both sides see.</summary>
public sealed class SocketTransportTests
{
    private static readonly TimeSpan Deadline = TimeSpan.FromSeconds(20);

    [Fact]
    public async Task Send_MoreThanABufferHolds_ArrivesWholeAndInOrder()
    {
        await using var pair = await Pair.MakeAsync();
        var sent = new byte[3 * 1024 * 1024 + 17];
        Random.Shared.NextBytes(sent);
        var sending = Task.Run(async () =>
        {
            for (var at = 0; at < sent.Length;)
            {
                var count = Math.Min(sent.Length - at, Random.Shared.Next(1, 400_000));
                await pair.One.Transport.Output.WriteAsync(sent.AsMemory(at, count));
                at += count;
            }
        });
        Assert.Equal(sent, await ReceiveAsync(pair.Other, sent.Length).WaitAsync(Deadline));
        await sending;
    }

    [Fact]
    public async Task Flush_WhileNobodyReads_WaitsAfterABoundedNumberOfBytes()
    {
        await using var pair = await Pair.MakeAsync();
        var piece = new byte[256 * 1024];
        var sent = 0;
        var flush = new ValueTask<System.IO.Pipelines.FlushResult>();
        // The kernel's buffers take some MiB before the sender's own bound counts.
        while (sent < 64 * 1024 * 1024 && flush.IsCompleted)
        {
            pair.One.Transport.Output.Write(piece);
            flush = pair.One.Transport.Output.FlushAsync();
            sent += piece.Length;
            await Task.Yield();
        }
        Assert.False(flush.IsCompleted, $"{sent} bytes were taken and nobody reads");
        await ReceiveAsync(pair.Other, sent).WaitAsync(Deadline);
        await flush.AsTask().WaitAsync(Deadline);
    }

    [Fact]
    public async Task Abort_OfOneSide_EndsBoth()
    {
        await using var pair = await Pair.MakeAsync();
        var reading = pair.Other.Transport.Input.ReadAsync().AsTask();
        pair.One.Abort(new ConnectionAbortedException());
        Assert.True(pair.One.ConnectionClosed.IsCancellationRequested);
        try
        {
            Assert.True((await reading.WaitAsync(Deadline)).IsCompleted);
        }
        catch (IOException)
        {
            // A reset is an end too.
        }
    }

    [Fact]
    public async Task Flush_AfterThePeerHasGone_SaysSo()
    {
        await using var pair = await Pair.MakeAsync();
        await pair.Other.DisposeAsync();
        using var deadline = new CancellationTokenSource(Deadline);
        var isEnded = false;
        while (!isEnded && !deadline.IsCancellationRequested)
        {
            try
            {
                isEnded = (await pair.One.Transport.Output.WriteAsync(new byte[1024], deadline.Token)).IsCompleted;
            }
            catch (IOException)
            {
                isEnded = true;
            }
        }
        Assert.True(isEnded);
    }

    [Fact]
    public void SocketTransport_InASiloAndInAClient_TakesThePlaceOfEverySocketOfOrleans()
    {
        var silo = Host.CreateApplicationBuilder();
        silo.UseOrleans(builder => builder.Services.AddSocketTransport());
        // To other silos and, for the client inside, to itself; from silos and from clients.
        Assert.Equal(2, Ours(silo.Services, typeof(IConnectionListenerFactory)));
        Assert.InRange(Ours(silo.Services, typeof(IConnectionFactory)), 1, 2);
        var client = Host.CreateApplicationBuilder();
        client.UseOrleansClient(builder => builder.Services.AddSocketTransport());
        Assert.Equal(1, Ours(client.Services, typeof(IConnectionFactory)));
    }

    private static int Ours(IServiceCollection services, Type kind)
    {
        var registered = services.Where(service => service.IsKeyedService && service.ServiceType == kind).ToList();
        Assert.All(registered, service => Assert.Equal(typeof(SocketTransport).Assembly, service.KeyedImplementationFactory!.Method.Module.Assembly));
        return registered.Count;
    }

    private static async Task<byte[]> ReceiveAsync(ConnectionContext connection, int count)
    {
        while (true)
        {
            var read = await connection.Transport.Input.ReadAsync();
            if (read.Buffer.Length >= count)
            {
                var bytes = read.Buffer.Slice(0, count).ToArray();
                connection.Transport.Input.AdvanceTo(read.Buffer.GetPosition(count));
                return bytes;
            }
            Assert.False(read.IsCompleted);
            connection.Transport.Input.AdvanceTo(read.Buffer.Start, read.Buffer.End);
        }
    }

    private sealed class Pair(IConnectionListener listener, ConnectionContext one, ConnectionContext other) : IAsyncDisposable
    {
        public ConnectionContext One => one;
        public ConnectionContext Other => other;

        public static async Task<Pair> MakeAsync()
        {
            var services = new ServiceCollection();
            services.AddKeyedSingleton<IConnectionFactory>("to", (_, _) => throw new InvalidOperationException());
            services.AddKeyedSingleton<IConnectionListenerFactory>("from", (_, _) => throw new InvalidOperationException());
            services.AddSocketTransport();
            var provider = services.BuildServiceProvider();
            var listener = await provider.GetRequiredKeyedService<IConnectionListenerFactory>("from").BindAsync(new IPEndPoint(IPAddress.Loopback, 0));
            var accepting = listener.AcceptAsync();
            var one = await provider.GetRequiredKeyedService<IConnectionFactory>("to").ConnectAsync(listener.EndPoint);
            return new Pair(listener, one, (await accepting)!);
        }

        public async ValueTask DisposeAsync()
        {
            await one.DisposeAsync();
            await other.DisposeAsync();
            await listener.DisposeAsync();
            Assert.Null(await listener.AcceptAsync());
        }
    }
}
