using System.Net.Sockets;
using Orleans.Runtime;

namespace Orleans.DOS.Client.Cluster;

/// <summary>Which exceptions of Orleans mean that a call or its answer was lost on the way, rather than a bug.</summary>
internal static class ClusterFailures
{
    public static bool IsLostCall(Exception exception) => exception switch
    {
        DosException => false,
        TimeoutException or SocketException or IOException => true,
        // Silos that die, gateways that close, rejections: all derive from it. What Orleans cannot serialize or place is a fault of ours.
        OrleansConfigurationException => false,
        OrleansException => true,
        // The client itself is not connected (yet, or any more).
        ObjectDisposedException or InvalidOperationException => exception.Source is "Orleans.Core" or "Orleans.Runtime",
        _ => false,
    };
}
