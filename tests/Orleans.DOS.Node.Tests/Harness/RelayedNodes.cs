using System.Globalization;
using System.Net;
using System.Net.Sockets;
using Npgsql;
using Orleans.DOS.Catalog;

namespace Orleans.DOS.Node.Tests.Harness;

/// <summary>Three nodes over PostgreSQL, without a supervisor, with a relay between every two of them and one before each's database.</summary>
internal sealed class RelayedNodes : IHurtNodes
{
    public const int Count = 3;

    private readonly Relay[,] _between = new Relay[Count, Count];
    private readonly Relay[] _database = new Relay[Count];

    private RelayedNodes(PostgresServer server, TestNodes nodes)
    {
        (Server, Nodes) = (server, nodes);
        Small = SmallDisk.Mount(Path.Combine(nodes.Data, "nodes", NameOf(Count - 1), "disk"));
    }

    public PostgresServer Server { get; }
    public TestNodes Nodes { get; }
    /// <summary>The disk of the last node; null without the right to have one.</summary>
    public SmallDisk? Small { get; }
    public IReadOnlyList<Uri> Doors => [.. Nodes.All.Select(node => new Uri(node.Url))];
    public string Credential => Nodes.Credential;
    public string Logs => Nodes.Logs;

    public static async Task<RelayedNodes> StartAsync()
    {
        var server = await PostgresServer.StartAsync();
        var relayed = new RelayedNodes(server, new TestNodes(Count));
        try
        {
            await relayed.StartNodesAsync(await server.CreateDatabaseAsync());
            return relayed;
        }
        catch
        {
            await relayed.DisposeAsync();
            throw;
        }
    }

    /// <summary>Before the database of one node.</summary>
    public Relay Database(int node) => _database[node];

    /// <summary>Between one node and the two others nothing passes; nobody is told.</summary>
    public void Split(int node)
    {
        foreach (var other in Others(node))
        {
            _between[node, other].Hold();
            _between[other, node].Hold();
        }
    }

    /// <summary>Nothing that one node sends arrives at the others; what they send does.</summary>
    public void Mute(int node)
    {
        foreach (var other in Others(node))
        {
            _between[node, other].There.IsHeld = true;
            _between[other, node].Back.IsHeld = true;
        }
    }

    /// <summary>Every way between nodes is slow and loses some of what it carries.</summary>
    public void Disturb(int seed, TimeSpan delayMax, double loss)
    {
        foreach (var relay in Between())
        {
            relay.There.Disturb(seed++, delayMax, loss);
            relay.Back.Disturb(seed++, delayMax, loss);
        }
    }

    /// <summary>The way between one node and the database is slow and loses some of what it carries.</summary>
    public void DisturbDatabase(int node, TimeSpan delayMax, double loss)
    {
        _database[node].There.Disturb(node, delayMax, loss);
        _database[node].Back.Disturb(node + Count, delayMax, loss);
    }

    public bool CanFillDisk => Small is not null;

    public string DiskOf(int node) => Nodes[node].DiskPath;

    public async Task KillAsync(int node)
    {
        Nodes[node].Kill();
        await Nodes[node].ExitAsync(TimeSpan.FromSeconds(10));
    }

    public void Freeze(int node) => Nodes[node].Stop();

    public async Task HealAsync()
    {
        Small?.Empty();
        if (!Server.IsRunning)
        {
            await Server.StartAgainAsync();
        }
        foreach (var node in Nodes.All.Where(node => !node.HasExited))
        {
            node.Continue();
        }
        foreach (var relay in Between().Concat(_database))
        {
            relay.Heal();
        }
        await Nodes.SettledAsync();
    }

    public static IEnumerable<int> Others(int node) => Enumerable.Range(0, Count).Where(other => other != node);

    public async ValueTask DisposeAsync()
    {
        foreach (var node in Nodes.All)
        {
            await node.DisposeAsync();
        }
        Small?.Dispose();
        await Nodes.DisposeAsync();
        foreach (var relay in Between().Concat(_database).Where(relay => relay is not null))
        {
            await relay.DisposeAsync();
        }
        await Server.DisposeAsync();
    }

    private static string NameOf(int node) => string.Create(CultureInfo.InvariantCulture, $"n{node + 1}");

    private IEnumerable<Relay> Between() => _between.Cast<Relay?>().OfType<Relay>();

    private async Task StartNodesAsync(string database)
    {
        var connection = new NpgsqlConnectionStringBuilder(database);
        var ports = FreePorts();
        for (var node = 0; node < Count; node++)
        {
            _database[node] = new Relay(connection.Port);
            List<string> arguments =
            [
                "--silo-port", ports[node].ToString(CultureInfo.InvariantCulture),
                "--postgres", new NpgsqlConnectionStringBuilder(database) { Port = _database[node].Port }.ConnectionString,
            ];
            foreach (var other in Others(node))
            {
                _between[node, other] = new Relay(ports[other]);
                arguments.AddRange(["--route", string.Create(CultureInfo.InvariantCulture, $"127.0.0.1:{ports[other]}=127.0.0.1:{_between[node, other].Port}")]);
            }
            Nodes.Add(NameOf(node), [.. arguments]).Start();
        }
        await Nodes.ReadyAsync();
    }

    /// <summary>All are held until all are known, so that no two are the same.</summary>
    private static int[] FreePorts()
    {
        var listeners = Enumerable.Range(0, Count).Select(_ => new TcpListener(IPAddress.Loopback, 0)).ToArray();
        Array.ForEach(listeners, listener => listener.Start());
        var ports = Array.ConvertAll(listeners, listener => ((IPEndPoint)listener.LocalEndpoint).Port);
        Array.ForEach(listeners, listener => listener.Dispose());
        return ports;
    }
}
