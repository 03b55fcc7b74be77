using System.Net;
using System.Net.Sockets;
using Microsoft.AspNetCore.Connections;
using Microsoft.Extensions.DependencyInjection;

namespace Orleans.DOS.Client.Transport;

/// <summary>
/// The sockets under Orleans, for its clients and between its silos. Orleans' own receive at most 4 KiB a call, and each piece
/// wakes two loops on the thread pool, so that a frame of 256 KiB costs some hundred wake-ups a hop; these receive and send whole
/// frames, and the loop that decodes messages is the one that receives. What goes over them is the same.
/// </summary>
public static class SocketTransport
{
    private const int Backlog = 512;
    private const int KeepAliveSeconds = 90;
    private const int KeepAliveIntervalSeconds = 30;
    private const int KeepAliveRetries = 10;

    /// <summary>Bytes that the kernel holds for a connection each way: left to itself it takes several MiB, and a small call waits behind all of them.</summary>
    private const int KernelBufferBytes = 256 * 1024;

    /// <summary>Takes the place of Orleans' sockets in a silo or a client whose default services are registered.</summary>
    /// <param name="routes">Null: every address is reached directly.</param>
    public static void AddSocketTransport(this IServiceCollection services, Routes? routes = null)
    {
        ArgumentNullException.ThrowIfNull(services);
        routes ??= new Routes();
        // The keys are Orleans' own objects and are not public; what is registered under them tells which they are.
        for (var number = 0; number < services.Count; number++)
        {
            if (services[number] is not { IsKeyedService: true } service)
            {
                continue;
            }
            if (service.ServiceType == typeof(IConnectionFactory))
            {
                services[number] = ServiceDescriptor.KeyedSingleton<IConnectionFactory>(service.ServiceKey, (_, _) => new SocketConnector(routes));
            }
            else if (service.ServiceType == typeof(IConnectionListenerFactory))
            {
                services[number] = ServiceDescriptor.KeyedSingleton<IConnectionListenerFactory>(service.ServiceKey, static (_, _) => new SocketListenerFactory());
            }
        }
    }

    /// <summary>Small calls are not held back for company; an abandoned peer is noticed; a closed connection is gone at once.</summary>
    private static Socket Tuned(Socket socket)
    {
        socket.NoDelay = true;
        (socket.SendBufferSize, socket.ReceiveBufferSize) = (KernelBufferBytes, KernelBufferBytes);
        socket.LingerState = new LingerOption(true, 0);
        socket.SetSocketOption(SocketOptionLevel.Socket, SocketOptionName.KeepAlive, true);
        socket.SetSocketOption(SocketOptionLevel.Tcp, SocketOptionName.TcpKeepAliveTime, KeepAliveSeconds);
        socket.SetSocketOption(SocketOptionLevel.Tcp, SocketOptionName.TcpKeepAliveInterval, KeepAliveIntervalSeconds);
        socket.SetSocketOption(SocketOptionLevel.Tcp, SocketOptionName.TcpKeepAliveRetryCount, KeepAliveRetries);
        return socket;
    }

    private static Socket Make(EndPoint endpoint) => Tuned(new Socket(endpoint.AddressFamily, SocketType.Stream, ProtocolType.Tcp));

    private sealed class SocketConnector(Routes routes) : IConnectionFactory
    {
        public async ValueTask<ConnectionContext> ConnectAsync(EndPoint endpoint, CancellationToken cancellationToken = default)
        {
            var socket = Make(endpoint);
            try
            {
                await socket.ConnectAsync(routes.To(endpoint), cancellationToken).ConfigureAwait(false);
                return new SocketConnection(socket);
            }
            catch
            {
                socket.Dispose();
                throw;
            }
        }
    }

    private sealed class SocketListenerFactory : IConnectionListenerFactory
    {
        public ValueTask<IConnectionListener> BindAsync(EndPoint endpoint, CancellationToken cancellationToken = default)
        {
            var socket = Make(endpoint);
            try
            {
                socket.SetSocketOption(SocketOptionLevel.Socket, SocketOptionName.ReuseAddress, true);
                if (endpoint is IPEndPoint { Address: var address } && address.Equals(IPAddress.IPv6Any))
                {
                    socket.DualMode = true;
                }
                socket.Bind(endpoint);
                socket.Listen(Backlog);
                return new(new SocketListener(socket));
            }
            catch (SocketException failure)
            {
                socket.Dispose();
                throw failure.SocketErrorCode == SocketError.AddressAlreadyInUse ? new AddressInUseException(failure.Message, failure) : failure;
            }
        }
    }

    private sealed class SocketListener(Socket socket) : IConnectionListener
    {
        public EndPoint EndPoint { get; } = socket.LocalEndPoint!;

        /// <returns>Null when the listener was closed.</returns>
        public async ValueTask<ConnectionContext?> AcceptAsync(CancellationToken cancellationToken = default)
        {
            while (true)
            {
                try
                {
                    return new SocketConnection(Tuned(await socket.AcceptAsync(cancellationToken).ConfigureAwait(false)));
                }
                catch (Exception end) when (end is ObjectDisposedException or SocketException { SocketErrorCode: SocketError.OperationAborted })
                {
                    return null;
                }
                catch (SocketException)
                {
                    // It was reset while it waited to be accepted: the next one.
                }
            }
        }

        public ValueTask UnbindAsync(CancellationToken cancellationToken = default) => DisposeAsync();

        public ValueTask DisposeAsync()
        {
            socket.Dispose();
            return default;
        }
    }
}
