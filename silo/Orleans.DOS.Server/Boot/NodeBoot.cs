using System.Net;
using Microsoft.Extensions.Logging;
using Orleans.DOS.Catalog;
using Orleans.DOS.Nodes;
using Orleans.DOS.Security;

namespace Orleans.DOS.Server.Boot;

/// <summary>
/// What must be known before the host is built, in this order: the node's directory (locked), its ports, the catalog (migrated), the
/// cluster's id and key, this start's incarnation. Each step refuses with one clear sentence; what was opened is closed then.
/// </summary>
internal sealed class NodeBoot : IAsyncDisposable
{
    private readonly PortClaims _ports = new();

    private NodeBoot(DosNodeOptions options, DataDirectory directory) => (Options, Directory) = (options, directory);

    public DosNodeOptions Options { get; }
    public DataDirectory Directory { get; }
    public NodeFile File { get; private set; } = null!;
    public CatalogSettings CatalogSettings { get; private set; } = null!;
    public IOpenCatalog Catalog { get; private set; } = null!;
    public ClusterKey Key { get; private set; } = null!;
    public NodeIdentity Identity { get; private set; } = null!;
    public ClusterFacts Cluster { get; private set; } = null!;
    public NodeFacts Facts { get; private set; } = null!;

    /// <summary>Where workers find the node: a Unix socket.</summary>
    public string ApiSocketPath => Path.Combine(Directory.RunPath, "api.sock");

    /// <exception cref="DosException">InvalidArgument, InUse, PortInUse, Unavailable, WrongCluster, SchemaTooNew, SchemaTooOld.</exception>
    public static async Task<NodeBoot> OpenAsync(DosNodeOptions options, TimeProvider time, ILoggerFactory loggers, CancellationToken cancellationToken)
    {
        options.Validate();
        var boot = new NodeBoot(options, DataDirectory.Open(options.DataDirectory, options.Name, options.KeysDirectory));
        try
        {
            boot.ChoosePorts();
            using (await boot.Directory.LockSharedAsync(time, cancellationToken))
            {
                await boot.OpenCatalogAsync(time, loggers, cancellationToken);
                await boot.OpenClusterAsync(time, cancellationToken);
            }
            await boot.IdentifyAsync(cancellationToken);
            return boot;
        }
        catch
        {
            await boot.DisposeAsync();
            throw;
        }
    }

    public async ValueTask DisposeAsync()
    {
        if (Catalog is not null)
        {
            await Catalog.DisposeAsync();
        }
        _ports.Dispose();
        Directory.Dispose();
    }

    // An end point knows that an IPv6 address stands in brackets before its port.
    internal static string UrlOf(IPAddress address, int port) => $"http://{new IPEndPoint(address, port)}";

    internal static string GatewayOf(IPAddress address, int port) => new IPEndPoint(address, port).ToString();

    private void ChoosePorts()
    {
        var remembered = Directory.ReadNodeFile();
        File = remembered with
        {
            SiloPort = DataDirectory.ChoosePort(Options.Listen, Options.SiloPort, remembered.SiloPort, "silo", _ports),
            GatewayPort = DataDirectory.ChoosePort(Options.Listen, Options.GatewayPort, remembered.GatewayPort, "gateway", _ports),
            HttpPort = DataDirectory.ChoosePort(Options.Listen, Options.HttpPort, remembered.HttpPort, "HTTP", _ports),
        };
    }

    private async Task OpenCatalogAsync(TimeProvider time, ILoggerFactory loggers, CancellationToken cancellationToken)
    {
        CatalogSettings = Options.CatalogIn(Directory.Root);
        Catalog = await CatalogFactory.OpenAsync(CatalogSettings, time, loggers, cancellationToken);
    }

    private async Task OpenClusterAsync(TimeProvider time, CancellationToken cancellationToken)
    {
        var clusterId = Catalog.Cluster.ClusterId;
        if (File.ClusterId is { } joined && joined != clusterId)
        {
            throw new DosException(DosErrorCode.WrongCluster, $"node '{Options.Name}' in {Directory.Root} belongs to cluster {joined}, the catalog is that of {clusterId}");
        }
        var key = Directory.ReadClusterKey();
        if (key is null && await CredentialStore.BoundAsync(Catalog, cancellationToken) is not null)
        {
            throw new DosException(DosErrorCode.WrongCluster, $"cluster {clusterId} has a key already: copy cluster.key of one of its nodes to {Directory.Root}");
        }
        key ??= Directory.MakeClusterKey();
        if (!await CredentialStore.BindAsync(Catalog, key, time.GetUtcNow(), cancellationToken))
        {
            throw new DosException(DosErrorCode.WrongCluster, $"the key in {Directory.Root} is not that of cluster {clusterId}");
        }
        Key = new ClusterKey(key, clusterId);

        // Whoever holds the cluster's key may make an administrator's token: this directory's own, if it has none yet.
        // A token that somebody else keeps is granted at each start: there is no first node that made it.
        var kept = Directory.ReadCredential();
        var token = kept ?? CredentialStore.NewToken();
        if (kept is null || Directory.Keys is not null)
        {
            await GrantAsync(token, time, cancellationToken);
        }
        if (kept is null)
        {
            Directory.WriteCredential(token);
        }
        File = File with { ClusterId = clusterId };
        Directory.WriteNodeFile(File);
    }

    private Task GrantAsync(string token, TimeProvider time, CancellationToken cancellationToken) => CredentialStore.IsWellFormed(token)
        ? CredentialStore.GrantAsync(Catalog, token, Principal.Admin, time.GetUtcNow(), cancellationToken)
        : throw new DosException(DosErrorCode.InvalidArgument, $"{Directory.CredentialPath} holds no token: dos1. and 43 characters of base64url");

    private async Task IdentifyAsync(CancellationToken cancellationToken)
    {
        var incarnation = await Catalog.NextIdAsync("incarnation", cancellationToken);
        Identity = new NodeIdentity(new NodeId(File.NodeId), incarnation, Directory.ReadOrMakeDiskId(), Catalog.Cluster.ClusterId);
        Cluster = new ClusterFacts(
            (int)Catalog.Cluster.ReplicasDefault, (int)Catalog.Cluster.ReplicasMin,
            await SchemaVersionAsync(cancellationToken), CatalogMigrations.Release.ToString());
        Facts = new NodeFacts
        {
            Id = Identity.Self,
            Incarnation = incarnation,
            Disk = Identity.Disk,
            DiskPath = Directory.DiskPath,
            Url = UrlOf(Options.Listen, File.HttpPort),
            Gateway = GatewayOf(Options.Listen, File.GatewayPort),
            Cpus = Options.Cpus > 0 ? Options.Cpus : Environment.ProcessorCount,
            Labels = new Dictionary<string, string>(Options.Labels) { ["name"] = Options.Name },
        };
    }

    private async Task<long> SchemaVersionAsync(CancellationToken cancellationToken) => await Catalog.ReadAsync(
        session => session.QueryFirstAsync<long?>("SELECT MAX(version) FROM dos_schema"), cancellationToken) ?? 0;
}
