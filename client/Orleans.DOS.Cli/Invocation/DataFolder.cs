using System.Text.Json;

namespace Orleans.DOS.Cli;

/// <summary>What a node tells of itself in its ready.json.</summary>
internal sealed record ReadyNode(string Name, string NodeId, int Pid, Uri Url);

/// <summary>A cluster's directory on this host, as nodes and supervisor leave it.</summary>
internal sealed class DataFolder(string path)
{
    public string Path { get; } = path;
    public string NodesPath => System.IO.Path.Combine(Path, "nodes");
    public string LockPath => System.IO.Path.Combine(Path, "supervisor.lock");
    public string LogPath => System.IO.Path.Combine(Path, "supervisor.log");

    public static DataFolder Of(string? option)
    {
        var chosen = option is { Length: > 0 } ? option : Environment.GetEnvironmentVariable("DOS_DATA");
        return new DataFolder(System.IO.Path.GetFullPath(chosen is { Length: > 0 }
            ? chosen
            : System.IO.Path.Combine(Environment.GetFolderPath(Environment.SpecialFolder.LocalApplicationData), "orleans-dos")));
    }

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

    public IReadOnlyList<ReadyNode> Ready() => Directory.Exists(NodesPath)
        ? [.. Directory.EnumerateDirectories(NodesPath).Order(StringComparer.Ordinal).Select(ReadyIn).OfType<ReadyNode>()]
        : [];

    /// <returns>Null while the node is not up, or is just writing the file.</returns>
    public static ReadyNode? ReadyIn(string nodeDirectory)
    {
        try
        {
            using var json = JsonDocument.Parse(File.ReadAllBytes(System.IO.Path.Combine(nodeDirectory, "ready.json")));
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
