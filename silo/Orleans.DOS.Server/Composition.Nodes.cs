using Microsoft.Extensions.DependencyInjection;
using Orleans.DOS.Catalog;
using Orleans.DOS.Clock;
using Orleans.DOS.Nodes;
using Orleans.DOS.Processes;
using Orleans.DOS.Security;
using Orleans.DOS.Server.Boot;
using Orleans.DOS.Server.Clock;
using Orleans.DOS.Server.Nodes;

namespace Orleans.DOS.Server;

/// <summary>What a node consists of; one file for each part.</summary>
internal static partial class Composition
{
    /// <summary>Everything that a node needs whatever it serves: catalog, identity, security, view of the others, clock.</summary>
    private static void AddNodes(IServiceCollection services, NodeBoot boot)
    {
        // Made by a factory, so that the container closes it, and what it opened, when the host ends; it is asked for as soon as there is a
        // host (see DosNodeExtensions), since the container knows nothing of what nobody asked for.
        services.AddSingleton(_ => boot);
        services.AddSingleton<ICatalog>(boot.Catalog);
        services.AddSingleton(boot.Directory);
        services.AddSingleton(boot.Identity);
        services.AddSingleton(boot.Facts);
        services.AddSingleton(boot.Cluster);
        services.AddSingleton(TimeProvider.System);
        services.AddSingleton(new WorkerEndpoint(boot.ApiSocketPath, boot.Directory.RunPath));

        services.AddSingleton(boot.Key);
        services.AddSingleton<ICredentialVerifier, CredentialStore>();
        services.AddSingleton<IProcessCredentials, ProcessCredentials>();
        services.AddSingleton<IHybridClock, NodeClock>();

        services.AddSingleton(new NodeStanding(boot.Identity, BootTime.Instance));
        services.AddSingleton<NodeView>();
        services.AddSingleton<INodeView>(provider => provider.GetRequiredService<NodeView>());
        services.AddSingleton<INodeClients, NodeClients>();
        services.AddSingleton<LeaseKeeper>();
        services.AddSingleton<INodeLease>(provider => provider.GetRequiredService<LeaseKeeper>());
        services.AddSingleton<NodeRegistration>();
        services.AddSingleton<IOwnedObjects, OwnedObjects>();
        services.AddSingleton<ICapacityMeter, CapacityMeter>();
        services.AddHostedService(provider => provider.GetRequiredService<NodeView>());
        services.AddHostedService(provider => provider.GetRequiredService<LeaseKeeper>());
    }

    /// <summary>What runs once the silo is active; hosted services start in the order in which they are added.</summary>
    private static void AddAfterSilo(IServiceCollection services)
    {
        services.AddHostedService<NodeReporter>();
        services.AddHostedService<ReadyAnnouncer>();
    }

    private static void AddNodeService(ISiloBuilder silo)
    {
        silo.Services.AddSingleton<ILifecycleParticipant<ISiloLifecycle>, SiloRegistration>();
        silo.AddGrainService<NodeService>();
    }
}
