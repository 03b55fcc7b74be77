using Orleans.DOS.Security;

namespace Orleans.DOS.Nodes;

/// <summary>Settings of the whole cluster that change seldom and must outlive every node (key: <c>GrainKeys.Cluster("settings")</c>).</summary>
[Alias("dos.IClusterSettingsGrain")]
public interface IClusterSettingsGrain : IGrainWithStringKey
{
    /// <summary>Nodes that take no new work, by id.</summary>
    [Alias("Cordoned")] Task<IReadOnlyList<NodeId>> CordonedAsync(CallContext context);

    /// <summary>Stops or lets go on the giving of new work to a node. Repeating it is harmless.</summary>
    /// <exception cref="DosException"><see cref="DosErrorCode.PermissionDenied"/>: not the administrator; <see cref="DosErrorCode.NoSuchNode"/>.</exception>
    [Alias("Cordon")] Task CordonAsync(CallContext context, NodeId node, bool cordoned);
}
