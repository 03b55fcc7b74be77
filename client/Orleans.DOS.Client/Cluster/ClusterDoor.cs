using Orleans.DOS.Client.Http;
using Orleans.DOS.Security;

namespace Orleans.DOS.Client.Cluster;

/// <summary>What an Orleans client learns over HTTP before it can connect: the cluster's name and who its own token says that it is.</summary>
/// <remarks>Blocks while it learns (at most twice the call budget): options and services are made by synchronous code.</remarks>
internal sealed class ClusterDoor(HttpMachine http)
{
    // Not kept when it fails: the next use asks again.
    private readonly Lazy<string> _clusterId = new(() => Run(token => http.Nodes.ClusterAsync(token)).ClusterId, LazyThreadSafetyMode.PublicationOnly);
    private readonly Lazy<Caller> _caller = new(() => Run(http.WhoAmIAsync), LazyThreadSafetyMode.PublicationOnly);

    public string ClusterId => _clusterId.Value;

    public Caller Caller => _caller.Value;

    // On the pool, so that a caller with a synchronisation context is not waited for by what he waits for.
    private static T Run<T>(Func<CancellationToken, Task<T>> call) => Task.Run(() => call(CancellationToken.None)).GetAwaiter().GetResult();
}
