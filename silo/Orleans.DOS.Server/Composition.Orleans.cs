using Microsoft.Extensions.DependencyInjection;
using Microsoft.Extensions.DependencyInjection.Extensions;
using Orleans.Configuration;
using Orleans.DOS.Client.Transport;
using Orleans.DOS.Nodes;
using Orleans.DOS.Security;
using Orleans.DOS.Server.Boot;
using Orleans.DOS.Server.Nodes;
using Orleans.Serialization;
using Orleans.Storage;

namespace Orleans.DOS.Server;

internal static partial class Composition
{
    /// <summary>The same in every cluster: it keys grain state and reminders.</summary>
    private const string ServiceId = "orleans-dos";

    private static void AddSilo(ISiloBuilder silo, NodeBoot boot)
    {
        var (invariant, connection) = (boot.CatalogSettings.OrleansInvariant, boot.CatalogSettings.OrleansConnectionString);
        silo.UseAdoNetClustering(options => (options.Invariant, options.ConnectionString) = (invariant, connection));
        silo.UseAdoNetReminderService(options => (options.Invariant, options.ConnectionString) = (invariant, connection));
        silo.AddAdoNetGrainStorageAsDefault(options => options.Configure<OrleansGrainStorageSerializer>((storage, serializer) =>
            (storage.Invariant, storage.ConnectionString, storage.GrainStorageSerializer) = (invariant, connection, serializer)));
        silo.Services.TryAddSingleton<OrleansGrainStorageSerializer>();

        silo.Configure<ClusterOptions>(options => (options.ServiceId, options.ClusterId) = (ServiceId, boot.Identity.ClusterId));
        silo.Configure<SiloOptions>(options => options.SiloName = boot.Identity.Self.Value);
        silo.Services.AddSingleton<ILocalSiloDetails>(
            new SiloDetails(boot.Identity, boot.Options.Listen, boot.File.SiloPort, boot.File.GatewayPort));
        silo.Configure<EndpointOptions>(options =>
        {
            (options.AdvertisedIPAddress, options.SiloPort, options.GatewayPort) = (boot.Options.Listen, boot.File.SiloPort, boot.File.GatewayPort);
        });
        silo.Configure<ClusterMembershipOptions>(Tune);
        silo.Configure<SiloMessagingOptions>(options =>
        {
            // Grain services are system targets, so that both time-outs bound calls of ours.
            (options.ResponseTimeout, options.SystemResponseTimeout) = (Limits.CallTimeout, Limits.CallTimeout);
            options.CancelRequestOnTimeout = true;
            // Orleans' minute is the time for which a silo keeps the answers of its own grains for a client that has left its gateway,
            // even if that client waits for them at another one.
            options.ClientDropTimeout = ClientDropTimeout;
        });
        silo.Configure<ExceptionSerializationOptions>(options =>
        {
            options.SupportedNamespacePrefixes.Add("Npgsql");
            options.SupportedNamespacePrefixes.Add("Microsoft.Data.Sqlite");
        });
        silo.Services.AddSocketTransport(boot.Options.Routes);
        silo.AddIncomingGrainCallFilter<IncomingCallFilter>();
        silo.AddIncomingGrainCallFilter<IndirectProbeFilter>();
        silo.AddOutgoingGrainCallFilter<OutgoingCallFilter>();
    }

    /// <summary>Less than an attempt of a client lasts, so that its repeat is answered.</summary>
    private static readonly TimeSpan ClientDropTimeout = TimeSpan.FromSeconds(1);

    /// <summary>
    /// Promised (design, section 5): one crash noticed within 3 s, one freeze within 15 s, two of three at once within 45 s. A crash
    /// resets its connections and fails probes at once: three of them, 0.8 s apart. A freeze takes two that time out and two or three
    /// through another node (<see cref="IndirectProbeFilter"/>).
    /// When two of three are gone at once, the one left finds no second voter: the votes of the dead do not count once they have
    /// missed their signs of life in the table (2 x 3 s).
    /// </summary>
    private static void Tune(ClusterMembershipOptions options)
    {
        options.ProbeTimeout = TimeSpan.FromSeconds(0.8);
        options.NumMissedProbesLimit = 3;
        options.TableRefreshTimeout = TimeSpan.FromSeconds(5);
        options.IAmAliveTablePublishTimeout = TimeSpan.FromSeconds(3);
        options.NumMissedTableIAmAliveLimit = 3;
        options.DeathVoteExpirationTimeout = TimeSpan.FromSeconds(60);
        options.DefunctSiloExpiration = TimeSpan.FromHours(1);
        options.DefunctSiloCleanupPeriod = TimeSpan.FromMinutes(10);
        // A node that cannot join ends, and whoever supervises it starts it again.
        options.MaxJoinAttemptTime = TimeSpan.FromSeconds(30);
    }
}
