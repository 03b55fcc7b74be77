using System.Collections.Concurrent;
using System.Reflection;

namespace Orleans.DOS.Security;

/// <summary>Whom a grain interface serves.</summary>
public enum CallAccess
{
    /// <summary>Not ours: Orleans' own, needed by every client that connects.</summary>
    Bootstrap,
    /// <summary>Not ours: part of an ordinary call (streams of results, cancellation).</summary>
    Plumbing,
    /// <summary>Not ours: Orleans' management and internals.</summary>
    Management,
    /// <summary>Ours: for whoever has a credential.</summary>
    Public,
    /// <summary>Ours: for the nodes of the cluster.</summary>
    NodesOnly,
}

/// <summary>Sorts grain methods by whom they serve: what the clients' assembly does not contain serves nodes only, and so does what says so.</summary>
public static class CallRules
{
    private static readonly Assembly Contracts = typeof(CallContext).Assembly;
    private static readonly ConcurrentDictionary<MethodInfo, CallAccess> Sorted = new();

    /// <summary>Orleans' interfaces that travel with ordinary calls; two of them are internal to Orleans, hence the names.</summary>
    private static readonly HashSet<string> PlumbingNames = new(StringComparer.Ordinal)
    {
        "IAsyncEnumerableGrainExtension", "ICancellationSourcesExtension", "IGrainCallCancellationExtension",
    };

    public static CallAccess Of(MethodInfo method, Type target) => Sorted.GetOrAdd(method, static (key, type) => Sort(key, type), target);

    private static CallAccess Sort(MethodInfo method, Type target)
    {
        if (target.Assembly.GetName().Name?.StartsWith("Orleans.DOS.", StringComparison.Ordinal) is not true)
        {
            return target.Name == "IClusterManifestSystemTarget" ? CallAccess.Bootstrap
                : PlumbingNames.Contains(target.Name) ? CallAccess.Plumbing
                : CallAccess.Management;
        }
        var forNodes = target.Assembly != Contracts
            || target.IsDefined(typeof(NodesOnlyAttribute)) || method.IsDefined(typeof(NodesOnlyAttribute))
            || method.GetParameters() is not [{ ParameterType: var first }, ..] || first != typeof(CallContext);
        return forNodes ? CallAccess.NodesOnly : CallAccess.Public;
    }
}
