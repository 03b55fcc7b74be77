using Orleans.DOS.Security;
using Orleans.Runtime;

namespace Orleans.DOS.Client.Cluster;

/// <summary>Gives every call of an Orleans client its credential; nodes refuse what has none.</summary>
internal sealed class CredentialCallFilter(string token) : IOutgoingGrainCallFilter
{
    // Asynchronous, so that the entry flows into the call and not back to whoever made it.
    public async Task Invoke(IOutgoingGrainCallContext context)
    {
        RequestContext.Set(Credentials.RequestContextKey, token);
        await context.Invoke().ConfigureAwait(false);
    }
}
