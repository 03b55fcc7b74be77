using System.Collections.Concurrent;
using System.Net;
using System.Net.Sockets;

namespace Orleans.DOS.Node.Tests.Harness;

/// <summary>
/// A TCP relay in front of one address, which does what networks do. TCP loses no bytes of a connection that lives: what is held is
/// delivered when it is let through again, and what is lost breaks the connection.
/// </summary>
public sealed class Relay : IAsyncDisposable
{
    private const int BufferBytes = 64 * 1024;

    private readonly Socket _listener = new(AddressFamily.InterNetwork, SocketType.Stream, ProtocolType.Tcp);
    private readonly ConcurrentDictionary<Socket, bool> _sockets = new();
    private readonly CancellationTokenSource _stop = new();
    private readonly IPEndPoint _target;
    private readonly Task _accepting;
    private volatile bool _isRefusing;

    public Relay(int targetPort)
    {
        _target = new IPEndPoint(IPAddress.Loopback, targetPort);
        _listener.Bind(new IPEndPoint(IPAddress.Loopback, 0));
        _listener.Listen();
        Port = ((IPEndPoint)_listener.LocalEndPoint!).Port;
        _accepting = AcceptAsync();
    }

    public int Port { get; }

    /// <summary>What goes from who connects to the target.</summary>
    public RelayWay There { get; } = new();

    /// <summary>What the target answers.</summary>
    public RelayWay Back { get; } = new();

    /// <summary>Nothing passes in either direction, and nobody is told.</summary>
    public void Hold() => (There.IsHeld, Back.IsHeld) = (true, true);

    /// <summary>Connections break and none is made.</summary>
    public void Cut()
    {
        _isRefusing = true;
        Reset();
    }

    /// <summary>Breaks the connections that there are; new ones are made.</summary>
    public void Reset()
    {
        foreach (var socket in _sockets.Keys)
        {
            socket.Dispose();
        }
    }

    /// <summary>As if nothing had been: what was held arrives, late.</summary>
    public void Heal()
    {
        _isRefusing = false;
        There.Heal();
        Back.Heal();
    }

    public async ValueTask DisposeAsync()
    {
        await _stop.CancelAsync();
        _listener.Dispose();
        Reset();
        await _accepting;
        _stop.Dispose();
    }

    private async Task AcceptAsync()
    {
        try
        {
            while (true)
            {
                _ = CarryAsync(Watched(await _listener.AcceptAsync(_stop.Token)));
            }
        }
        catch (Exception end) when (end is OperationCanceledException or SocketException or ObjectDisposedException)
        {
            // Disposed.
        }
    }

    private async Task CarryAsync(Socket from)
    {
        var to = Watched(new Socket(AddressFamily.InterNetwork, SocketType.Stream, ProtocolType.Tcp));
        try
        {
            if (!_isRefusing)
            {
                await to.ConnectAsync(_target, _stop.Token);
                // The first end ends both.
                await await Task.WhenAny(PumpAsync(from, to, There), PumpAsync(to, from, Back));
            }
        }
        catch (Exception end) when (end is SocketException or ObjectDisposedException or OperationCanceledException)
        {
            // One side has gone, or was made to.
        }
        finally
        {
            foreach (var socket in new[] { from, to })
            {
                _sockets.TryRemove(socket, out _);
                socket.Dispose();
            }
        }
    }

    private async Task PumpAsync(Socket from, Socket to, RelayWay way)
    {
        var buffer = new byte[BufferBytes];
        int count;
        while ((count = await from.ReceiveAsync(buffer, _stop.Token)) > 0)
        {
            await way.PassAsync(_stop.Token);
            for (var sent = 0; sent < count;)
            {
                sent += await to.SendAsync(buffer.AsMemory(sent, count - sent), _stop.Token);
            }
        }
    }

    private Socket Watched(Socket socket)
    {
        socket.NoDelay = true;
        // A close is a reset: half a connection must not linger.
        socket.LingerState = new LingerOption(true, 0);
        _sockets[socket] = true;
        return socket;
    }
}
