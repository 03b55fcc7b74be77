using System.Net;

namespace Orleans.DOS.Client.Transport;

/// <summary>Addresses that are reached through another one: a port forward, a relay between two networks.</summary>
public sealed class Routes
{
    private readonly Dictionary<EndPoint, EndPoint> _through = [];

    /// <param name="route"><c>ADDRESS:PORT=ADDRESS:PORT</c>: the first is reached through the second.</param>
    /// <exception cref="DosException">InvalidArgument: malformed, or a second way to one address.</exception>
    public void Add(string route)
    {
        ArgumentNullException.ThrowIfNull(route);
        if (route.Split('=') is not [var there, var through] || !IsWhole(there, out var target) || !IsWhole(through, out var relay))
        {
            throw new DosException(DosErrorCode.InvalidArgument, $"a route must be ADDRESS:PORT=ADDRESS:PORT, not '{route}'");
        }
        if (!_through.TryAdd(target, relay))
        {
            throw new DosException(DosErrorCode.InvalidArgument, $"there are two routes to {target}");
        }
    }

    /// <summary>Where to connect to in order to reach <paramref name="endpoint"/>.</summary>
    public EndPoint To(EndPoint endpoint) => _through.GetValueOrDefault(endpoint, endpoint);

    private static bool IsWhole(string text, out IPEndPoint endpoint) => IPEndPoint.TryParse(text, out endpoint!) && endpoint.Port > 0;
}
