using Orleans.DOS.Nodes;

namespace Orleans.DOS.Server.Nodes;

/// <summary>Writes this start of the node to the catalog before the silo becomes active, so that no active node is unknown there.</summary>
internal sealed class SiloRegistration(
    NodeRegistration registration, NodeIdentity identity, NodeFacts facts, ClusterFacts cluster, ILocalSiloDetails silo) : ILifecycleParticipant<ISiloLifecycle>
{
    public void Participate(ISiloLifecycle lifecycle) => lifecycle.Subscribe(
        nameof(SiloRegistration), ServiceLifecycleStage.ApplicationServices,
        cancellationToken => registration.RegisterAsync(
            identity, silo.SiloAddress.ToParsableString(), facts.Url, facts.Labels, cluster.Release, cancellationToken));
}
