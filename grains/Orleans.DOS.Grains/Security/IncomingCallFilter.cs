using System.Data.Common;
using Orleans.DOS.Clock;
using Orleans.DOS.Nodes;

namespace Orleans.DOS.Security;

/// <summary>
/// The door of every silo. Orleans runs it before each call of a grain and of a grain service alike, also for calls within one silo.
/// A call of ours passes with a credential that this node has checked; what the call says of its caller (<see cref="CallContext"/>)
/// must be what the credential says. Nodes vouch for those whose calls they pass on.
/// <para>
/// A client reaches of Orleans itself only what connecting needs; the rest takes the administrator or a node. Who the sender is
/// (<c>SourceId</c>) is the sender's own word: it decides only whether Orleans' own calls between silos need a credential, which
/// they cannot carry. Mutual TLS on the ports closes that.
/// </para>
/// </summary>
public sealed class IncomingCallFilter(ICredentialVerifier verifier, ClusterKey key, NodeView view, IHybridClock clock) : IIncomingGrainCallFilter
{
    public async Task Invoke(IIncomingGrainCallContext context)
    {
        var access = CallRules.Of(context.Request.GetMethod(), context.Request.GetInterfaceType());
        var fromClient = context.SourceId is { } source && source.IsClient();
        if (access is CallAccess.Public or CallAccess.NodesOnly || (fromClient && access != CallAccess.Bootstrap))
        {
            var caller = await CallerAsync();
            Check(context, access, caller);
        }
        try
        {
            await context.Invoke();
        }
        catch (DbException failure)
        {
            // A provider's exception is of no use to a caller and may not even be known to it.
            throw new DosException(DosErrorCode.Unavailable, $"the database failed: {failure.Message}", failure);
        }
    }

    private async ValueTask<Caller> CallerAsync()
    {
        if (RequestContext.Get(Credentials.RequestContextKey) is not string token)
        {
            throw new DosException(DosErrorCode.Unauthenticated, "the call carries no credential");
        }
        var caller = await verifier.VerifyAsync(token)
            ?? throw new DosException(DosErrorCode.Unauthenticated, "the credential is not known to this cluster");
        if (caller.IsNode && key.ReadNode(token) is { } node && view.IsKnownDead(node.Node, node.Incarnation))
        {
            throw new DosException(DosErrorCode.Stale, $"node {node.Node} incarnation {node.Incarnation} is dead");
        }
        return caller;
    }

    private void Check(IIncomingGrainCallContext context, CallAccess access, Caller caller)
    {
        if (caller.IsNode)
        {
            Witness(context);
            return;
        }
        var allowed = access switch
        {
            CallAccess.Public => true,
            CallAccess.Plumbing or CallAccess.Bootstrap => true,
            CallAccess.Management => caller is { Principal.UserId: 0, Process: null },
            _ => false,
        };
        if (!allowed)
        {
            throw new DosException(DosErrorCode.PermissionDenied, $"{context.InterfaceName}.{context.MethodName} is not for clients");
        }
        if (access == CallAccess.Public)
        {
            if (context.Request.GetArgument(0) is not CallContext said)
            {
                throw new DosException(DosErrorCode.InvalidArgument, "the call carries no call context");
            }
            RequireSame(said, caller);
            Witness(context);
        }
    }

    private static void RequireSame(CallContext said, Caller caller)
    {
        if (said.Principal != caller.Principal || said.Process != caller.Process || said.Incarnation != caller.Incarnation)
        {
            throw new DosException(DosErrorCode.PermissionDenied, $"the credential is {Name(caller)}'s, the call says it is another's");
        }
        if (caller.Machine is { } machine && said.Machine != machine)
        {
            throw new DosException(DosErrorCode.PermissionDenied, $"the credential is for machine {machine}");
        }
    }

    private void Witness(IIncomingGrainCallContext context)
    {
        if (context.Request.GetArgumentCount() > 0 && context.Request.GetArgument(0) is CallContext said)
        {
            clock.Witness(said.Time);
        }
    }

    private static string Name(Caller caller) => caller.Process is { } pid ? $"process {pid} of {caller.Principal.Name}" : caller.Principal.Name;
}
