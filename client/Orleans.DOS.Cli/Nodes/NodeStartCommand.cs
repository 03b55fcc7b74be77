using System.CommandLine;
using System.Globalization;
using Orleans.DOS.Cli.Cluster;
using Orleans.DOS.Client.Http;

namespace Orleans.DOS.Cli.Nodes;

/// <summary>
/// Runs one more node of a cluster in the foreground. What makes it one of that cluster is the database (PostgreSQL, or the SQLite
/// file of the data directory) and the keys in the data directory; a URL only proves that these are the ones of the cluster meant.
/// </summary>
internal static class NodeStartCommand
{
    private static readonly Option<string?> Join = new("--join") { Description = "HTTP door of a node of the cluster: refuse unless database and keys are those of that cluster" };
    private static readonly Option<string?> Name = new("--name") { Description = "Directory of the node below DIR/nodes (default: the first free one of node1, node2, ...)" };
    private static readonly Option<int> Cpus = new("--cpus") { Description = "Cores lent to the cluster; 0: all", DefaultValueFactory = _ => 0 };

    public static Command Create() => Session.On(
        NodeOptions.AddTo(new Command("start", "Run one more node of a cluster in the foreground; its keys and, without PostgreSQL, its catalog are in the data directory") { Join, Name, Cpus }),
        RunAsync);

    private static async Task<int> RunAsync(Session session, CancellationToken cancellation)
    {
        var options = NodeOptions.Of(session);
        var given = options.Postgres ?? Environment.GetEnvironmentVariable(NodeStart.PostgresVariable);
        var postgres = given is { Length: > 0 } ? given : null;
        if (session.Get(Join) is { } url)
        {
            await RequireSameAsync(session, Session.Address(url), postgres, cancellation);
        }
        if (postgres is null && !File.Exists(session.Data.CatalogPath))
        {
            throw new DosException(DosErrorCode.NoSuchPath, $"there is no cluster in {session.Data.Path}; 'dos up' makes one, --postgres names one elsewhere");
        }
        var start = NodeStart.Of(session.Data, session.Get(Name) ?? FreeName(session.Data), session.Get(Cpus), declared: 1, options with { Postgres = postgres });
        // Its reason to end is told by us, as every command's is.
        using var node = NodeProcess.Start(start, Console.Out.WriteLine, line => (NodeProcess.Sentence(line) is null ? Console.Error : TextWriter.Null).WriteLine(line));
        var code = await node.RunAsync(cancellation);
        return code != 0 && node.Said is { } reason && !cancellation.IsCancellationRequested ? throw new DosException(reason) : code;
    }

    /// <exception cref="DosException">WrongCluster, InvalidArgument; Unauthenticated: the keys are another cluster's; Unavailable.</exception>
    private static async Task RequireSameAsync(Session session, Uri url, string? postgres, CancellationToken cancellation)
    {
        using var door = HttpMachine.Create(new HttpMachineOptions { Urls = [url], Token = session.TokenFor([url]) });
        var cluster = await door.Nodes.ClusterAsync(cancellation);
        var isSqlite = cluster.Catalog == "sqlite";
        if (isSqlite == postgres is not null)
        {
            throw new DosException(DosErrorCode.InvalidArgument, isSqlite
                ? $"cluster {cluster.ClusterId} keeps its catalog in SQLite, not in PostgreSQL"
                : $"cluster {cluster.ClusterId} keeps its catalog in {cluster.Catalog}; name it with --postgres");
        }
        // One file of SQLite is one directory of one host: whoever is up there has written ready.json beside it.
        var local = (await door.Nodes.ListAsync(cancellation)).Select(node => node.Id.Value).ToHashSet();
        if (isSqlite && !session.Data.Ready().Any(node => local.Contains(node.NodeId)))
        {
            throw new DosException(DosErrorCode.WrongCluster, $"cluster {cluster.ClusterId} at {url} is not the one in {session.Data.Path}");
        }
    }

    private static string FreeName(DataFolder data) => Enumerable.Range(1, int.MaxValue)
        .Select(number => "node" + number.ToString(CultureInfo.InvariantCulture))
        .First(name => !Directory.Exists(Path.Combine(data.NodesPath, name)));
}
