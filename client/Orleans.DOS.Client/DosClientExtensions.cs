using Microsoft.Extensions.DependencyInjection;
using Microsoft.Extensions.Hosting;
using Microsoft.Extensions.Options;
using Orleans.Configuration;
using Orleans.DOS.Client.Cluster;
using Orleans.DOS.Client.Http;
using Orleans.DOS.Client.Transport;
using Orleans.DOS.Machines;
using Orleans.Hosting;
using Orleans.Messaging;

namespace Orleans.DOS.Client;

/// <summary>Registers <see cref="IMachine"/> for an application.</summary>
public static class DosClientExtensions
{
    // The same in every cluster (the cluster id tells them apart): set by Server for its silos.
    private const string ServiceId = "orleans-dos";

    /// <example><code>services.AddDosClient(client => client.UseHttp([new Uri("http://127.0.0.1:7010")], token));</code></example>
    public static IServiceCollection AddDosClient(this IServiceCollection services, Action<DosClientOptions> configure)
    {
        ArgumentNullException.ThrowIfNull(services);
        ArgumentNullException.ThrowIfNull(configure);
        var options = new DosClientOptions();
        configure(options);
        var door = options.Door ?? throw new InvalidOperationException("neither UseHttp nor UseOrleans was called");
        services.AddSingleton(_ => HttpMachine.Create(door));
        return options.OverOrleans
            ? AddOrleans(services, door)
            : services.AddSingleton<IMachine>(static provider => provider.GetRequiredService<HttpMachine>());
    }

    private static IServiceCollection AddOrleans(IServiceCollection services, HttpMachineOptions door)
    {
        services.AddSingleton<ClusterDoor>();
        services.AddSingleton<IGatewayListProvider>(static provider => new DoorGatewayListProvider(provider.GetRequiredService<HttpMachine>().Nodes));
        services.AddSingleton<IConfigureOptions<ClusterOptions>>(static provider => new ConfigureOptions<ClusterOptions>(
            cluster => (cluster.ServiceId, cluster.ClusterId) = (ServiceId, provider.GetRequiredService<ClusterDoor>().ClusterId)));
        services.AddOrleansClient(client =>
        {
            client.Configure<ClientMessagingOptions>(static messaging => (messaging.ResponseTimeout, messaging.CancelRequestOnTimeout) = (Limits.CallTimeout, true));
            client.Configure<GatewayOptions>(static gateway => gateway.GatewayListRefreshPeriod = DoorGatewayListProvider.RefreshPeriod);
            client.Services.AddSocketTransport();
            client.AddOutgoingGrainCallFilter(new CredentialCallFilter(door.Token));
        });
        return services.AddSingleton<IMachine>(provider =>
            new ClusterMachines(provider.GetRequiredService<IClusterClient>()).Open(door.Machine, provider.GetRequiredService<ClusterDoor>().Caller));
    }
}
