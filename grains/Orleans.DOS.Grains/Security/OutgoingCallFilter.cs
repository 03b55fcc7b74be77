using Orleans.DOS.Nodes;

namespace Orleans.DOS.Security;

/// <summary>
/// Every call that leaves grains, grain services or other code of this silo carries the node's credential, whosever call it passes
/// on: who that is stands in the call's context, and this node has checked it. Calls to clients (observers) carry none, since the
/// client would then hold the node's credential.
/// </summary>
public sealed class OutgoingCallFilter(ClusterKey key, NodeIdentity identity) : IOutgoingGrainCallFilter
{
    private readonly string _token = key.SignNode(identity.Self, identity.Incarnation);

    public async Task Invoke(IOutgoingGrainCallContext context)
    {
        // Set in an async method, the request context flows down to the message and not back up to the caller.
        if (context.TargetId.IsClient())
        {
            RequestContext.Remove(Credentials.RequestContextKey);
        }
        else
        {
            RequestContext.Set(Credentials.RequestContextKey, _token);
        }
        await context.Invoke();
    }
}
