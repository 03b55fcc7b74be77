using System.Text.Json;
using Orleans.DOS.Cli.Cluster;

namespace Orleans.DOS.Cli;

/// <summary>What a node tells of itself in its ready.json.</summary>
internal sealed record ReadyNode(string Name, string NodeId, int Pid, Uri Url);

/// <summary>A cluster's directory on this host, as nodes and supervisor leave it.</summary>
internal sealed class DataFolder(string path)
{
    public string Path { get; } = path;
    public string NodesPath => System.IO.Path.Combine(Path, "nodes");
    public string CatalogPath => System.IO.Path.Combine(Path, "catalog.db");
    public string LockPath => System.IO.Path.Combine(Path, "supervisor.lock");
    /// <summary>Who holds the lock; see SupervisorLock.</summary>
    public string SupervisorPath => System.IO.Path.Combine(Path, "supervisor");
    public string LogPath => System.IO.Path.Combine(Path, "supervisor.log");

    /// <summary>Below $XDG_DATA_HOME or ~/.local/share, whether that is there already or not.</summary>
    public static DataFolder Default() =>
        new(System.IO.Path.Combine(Environment.GetFolderPath(Environment.SpecialFolder.LocalApplicationData, Environment.SpecialFolderOption.DoNotVerify), "orleans-dos"));

    /// <exception cref="DosException">Unavailable: no node is up here.</exception>
    public Uri[] Urls() => Ready() is { Count: > 0 } nodes
        ? [.. nodes.Select(node => node.Url)]
        : throw new DosException(DosErrorCode.Unavailable, $"no node is up in {Path}; start some with 'dos up'");

    /// <exception cref="DosException">Unauthenticated: there is no credential here.</exception>
    public string Token()
    {
        var file = System.IO.Path.Combine(Path, "credential");
        return File.Exists(file)
            ? File.ReadAllText(file).Trim()
            : throw new DosException(DosErrorCode.Unauthenticated, $"there is no credential in {Path}");
    }

    /// <summary>The nodes that are up: what a killed one left does not count.</summary>
    public IReadOnlyList<ReadyNode> Ready() => Directory.Exists(NodesPath)
        ? [.. Directory.EnumerateDirectories(NodesPath).Order(StringComparer.Ordinal).Select(ReadyIn).OfType<ReadyNode>().Where(node => HostProcess.Find(node.Pid) is not null)]
        : [];

    /// <summary>Makes a directory that is missing, for its owner only: what nodes keep in it is nobody else's.</summary>
#pragma warning disable CA1416 // Nodes run on Linux or macOS, and so does what starts them.
    public static void MakePrivate(string path) => Directory.CreateDirectory(path, UnixFileMode.UserRead | UnixFileMode.UserWrite | UnixFileMode.UserExecute);
#pragma warning restore CA1416

    public static string ReadyPath(string nodeDirectory) => System.IO.Path.Combine(nodeDirectory, "ready.json");

    /// <returns>Null while the node is not up, or is just writing the file.</returns>
    public static ReadyNode? ReadyIn(string nodeDirectory)
    {
        try
        {
            using var json = JsonDocument.Parse(File.ReadAllBytes(ReadyPath(nodeDirectory)));
            var node = json.RootElement;
            return new ReadyNode(
                System.IO.Path.GetFileName(nodeDirectory), node.GetProperty("nodeId").GetString()!, node.GetProperty("pid").GetInt32(), new Uri(node.GetProperty("url").GetString()!));
        }
        catch (Exception failure) when (failure is IOException or JsonException or KeyNotFoundException)
        {
            return null;
        }
    }
}
