using System.Net;
using System.Net.Sockets;
using System.Security.Cryptography;

namespace Orleans.DOS.Nodes;

public sealed partial class DataDirectory
{
    /// <summary>
    /// Ports are picked below those that the host's kernel lends to outgoing connections (from 32768 on Linux): else another
    /// program's connection might sit on a node's port when it starts again.
    /// </summary>
    private const int PickedPortMin = 15000, PickedPortMax = 32000, PickAttemptsMax = 200;

    /// <summary>Answers the port to use: the wanted one, else the remembered one, else a free one.</summary>
    /// <exception cref="DosException">PortInUse.</exception>
    public static int ChoosePort(IPAddress listen, int wanted, int remembered, string use, PortClaims claims)
    {
        var port = wanted != 0 ? wanted : remembered;
        if (port != 0)
        {
            return claims.TryClaim(listen, port) && IsFree(listen, port)
                ? port
                : throw new DosException(DosErrorCode.PortInUse, $"{use} port {port} of {listen} is in use");
        }
        for (var attempt = 0; attempt < PickAttemptsMax; attempt++)
        {
            var candidate = RandomNumberGenerator.GetInt32(PickedPortMin, PickedPortMax);
            if (claims.TryClaim(listen, candidate) && IsFree(listen, candidate))
            {
                return candidate;
            }
        }
        throw new DosException(DosErrorCode.PortInUse, $"no free {use} port was found on {listen}");
    }

    private static bool IsFree(IPAddress listen, int port)
    {
        using var listener = new TcpListener(listen, port);
        try
        {
            listener.Start();
            return true;
        }
        catch (SocketException failure) when (failure.SocketErrorCode is SocketError.AddressAlreadyInUse or SocketError.AccessDenied)
        {
            return false;
        }
        catch (SocketException failure)
        {
            throw new DosException(DosErrorCode.InvalidArgument, $"this host cannot listen on {listen}: {failure.Message}", failure);
        }
    }
}
