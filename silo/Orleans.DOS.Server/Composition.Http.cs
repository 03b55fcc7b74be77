using Microsoft.AspNetCore.Builder;
using Microsoft.AspNetCore.Diagnostics.HealthChecks;
using Microsoft.AspNetCore.Server.Kestrel.Core;
using Microsoft.Extensions.DependencyInjection;
using Orleans.DOS.Client.Cluster;
using Orleans.DOS.Clock;
using Orleans.DOS.Http;
using Orleans.DOS.Machines;
using Orleans.DOS.Server.Boot;
using Orleans.DOS.Server.Nodes;

namespace Orleans.DOS.Server;

internal static partial class Composition
{
    private const string ReadyTag = "ready";

    private static void AddHttp(IServiceCollection services, NodeBoot boot)
    {
        System.IO.File.Delete(boot.ApiSocketPath);
        services.Configure<KestrelServerOptions>(kestrel =>
        {
            kestrel.AddServerHeader = false;
            kestrel.Listen(boot.Options.Listen, boot.File.HttpPort, DoorBudget.Bound);
            kestrel.ListenUnixSocket(boot.ApiSocketPath, DoorBudget.Bound);
        });
        services.AddSingleton<IMachines>(provider => new ClusterMachines(
            provider.GetRequiredService<IGrainFactory>(),
            ClusterMachineOptions.AtDoor(() => boot.Identity.Incarnation) with { Clock = provider.GetRequiredService<IHybridClock>().Now }));
        services.AddDosHttp();
        services.AddSingleton<DoorBudget>();
        services.AddSingleton<NodeReady>();
        services.AddHealthChecks().AddCheck<NodeReady>("node", tags: [ReadyTag]);
    }

    internal static void MapHealth(WebApplication app)
    {
        // Alive: this process answers. It must not depend on anything else, or one slow database would have every node killed.
        app.MapHealthChecks("/health/live", new HealthCheckOptions { Predicate = _ => false });
        app.MapHealthChecks("/health/ready", new HealthCheckOptions { Predicate = check => check.Tags.Contains(ReadyTag) });
    }
}
