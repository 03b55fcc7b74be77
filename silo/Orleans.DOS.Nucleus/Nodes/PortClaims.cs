using System.Net;
using System.Net.Sockets;

namespace Orleans.DOS.Nodes;

/// <summary>
/// Ports that a node has chosen and does not listen on yet. Between the two it opens its catalog, and without a claim another node that starts on
/// this host meanwhile would pick the same port: both would remember it, and one of them never start again.
/// </summary>
/// <remarks>
/// A claim is a socket in Linux's abstract name space: it lives in the same network name space as the port, and ends with the process however
/// that dies. Elsewhere a claim holds within the process alone.
/// </remarks>
public sealed class PortClaims : IDisposable
{
    private readonly HashSet<int> _ports = [];
    private readonly List<Socket> _sockets = [];

    /// <summary>False: this node uses the port already, or another one of this host is about to.</summary>
    public bool TryClaim(IPAddress listen, int port)
    {
        if (_ports.Contains(port))
        {
            return false;
        }
        if (OperatingSystem.IsLinux() && !TryBind($"\0orleans-dos/{listen}/{port}"))
        {
            return false;
        }
        return _ports.Add(port);
    }

    public void Dispose() => _sockets.ForEach(socket => socket.Dispose());

    private bool TryBind(string name)
    {
        var socket = new Socket(AddressFamily.Unix, SocketType.Stream, ProtocolType.Unspecified);
        try
        {
            socket.Bind(new UnixDomainSocketEndPoint(name));
            _sockets.Add(socket);
            return true;
        }
        catch (SocketException failure) when (failure.SocketErrorCode == SocketError.AddressAlreadyInUse)
        {
            socket.Dispose();
            return false;
        }
    }
}
