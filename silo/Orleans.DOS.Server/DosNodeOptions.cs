using System.Net;
using Orleans.DOS.Catalog;
using Orleans.DOS.Client.Transport;

namespace Orleans.DOS.Server;

/// <summary>What a node is told at its start. Everything has a default that suits a node on a laptop.</summary>
public sealed class DosNodeOptions
{
    /// <summary>Directory of the cluster on this host: catalog (unless <see cref="Postgres"/>), keys, and below it the nodes' directories.</summary>
    public string DataDirectory { get; set; } = "dos-data";

    /// <summary>Name of the node's directory: 1 to 32 of a-z, 0-9, '-'.</summary>
    public string Name { get; set; } = "n1";

    /// <summary>Ports; 0 means the one used before, or a free one at the first start.</summary>
    public int SiloPort { get; set; }
    public int GatewayPort { get; set; }
    public int HttpPort { get; set; }

    /// <summary>Address on which silo, gateway and HTTP listen, and which other nodes are told. Another one than loopback opens the ports to the network.</summary>
    public IPAddress Listen { get; set; } = IPAddress.Loopback;

    /// <summary>Connection string of PostgreSQL; null: SQLite in the data directory.</summary>
    public string? Postgres { get; set; }

    /// <summary>
    /// Directory with the files <c>credential</c> (an administrator's token) and <c>cluster.key</c> (32 bytes in base64) that somebody
    /// else keeps, e.g. a mounted secret; null: the first node makes both in the data directory.
    /// </summary>
    public string? KeysDirectory { get; set; }

    /// <summary>Whether this node may bring the schema up to date.</summary>
    public bool Migrate { get; set; } = true;

    /// <summary>Cores lent to the cluster; 0: all that the process may use.</summary>
    public double Cpus { get; set; }

    /// <summary>Nodes that the cluster is meant to have; counts at the first start of its first node only, and decides how many copies are kept (3 of 3 or more).</summary>
    public int NodesDeclared { get; set; } = 1;

    public Dictionary<string, string> Labels { get; } = [];

    /// <summary>Other nodes' silo addresses that this node reaches through another address.</summary>
    public Routes Routes { get; } = new();

    /// <exception cref="DosException">InvalidArgument, with a sentence that names the option.</exception>
    public void Validate()
    {
        Port("--silo-port", SiloPort);
        Port("--gateway-port", GatewayPort);
        Port("--http-port", HttpPort);
        Require(Cpus is >= 0 and <= 4096, "--cpus must be between 0 and 4096");
        Require(NodesDeclared is >= 1 and <= 1000, "--nodes-declared must be between 1 and 1000");
        Require(!Listen.Equals(IPAddress.Any) && !Listen.Equals(IPAddress.IPv6Any), "--listen must be the one address under which other nodes reach this one");
        Require(DataDirectory.Length > 0, "--data must name a directory");
        foreach (var (key, value) in Labels)
        {
            Require(key.Length is > 0 and <= 63 && value.Length <= 253 && !key.Contains('='), $"--label {key}={value} is not a label: key=value, at most 63 and 253 characters");
        }
    }

    /// <param name="root">The data directory.</param>
    internal CatalogSettings CatalogIn(string root)
    {
        var settings = Postgres is { } postgres ? CatalogSettings.Postgres(postgres) : CatalogSettings.Sqlite(Path.Combine(root, "catalog.db"));
        return settings with { Migrate = Migrate, DeclaredNodes = NodesDeclared };
    }

    private static void Port(string option, int port) => Require(port is >= 0 and <= 65535, $"{option} must be between 0 and 65535");

    private static void Require(bool condition, string sentence)
    {
        if (!condition)
        {
            throw new DosException(DosErrorCode.InvalidArgument, sentence);
        }
    }
}
