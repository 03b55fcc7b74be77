using System.Text.Json;
using Orleans.DOS.Client.Http;

namespace Orleans.DOS.Cli;

/// <summary>What a node writes when it is ready (see DataDirectory in the nucleus).</summary>
internal sealed record ReadyFile(string NodeId, int Pid, string Url, string Gateway, string Silo);

/// <summary>Options of every command, and how they lead to a machine.</summary>
internal static class Globals
{
    public static readonly Option<DirectoryInfo?> Data = new("--data") { Description = "The cluster's data directory on this host (default: $DOS_DATA, else ~/.local/share/orleans-dos)", Recursive = true };
    public static readonly Option<string[]> Url = new("--url") { Description = "A node's address, e.g. http://10.0.0.1:7010; may be given more than once (default: $DOS_URL, else from the data directory)", Recursive = true };
    public static readonly Option<string?> Credential = new("--credential") { Description = "File with the credential, '-' for standard input (default: $DOS_CREDENTIAL, else DIR/credential)", Recursive = true };
    public static readonly Option<string> Machine = new("--machine") { Description = "The machine", DefaultValueFactory = _ => "main", Recursive = true };
    public static readonly Option<bool> Json = new("--json") { Description = "Print JSON", Recursive = true };

    private static readonly JsonSerializerOptions Web = new(JsonSerializerDefaults.Web);

    public static string DataDirectory(ParseResult parsed) =>
        parsed.GetValue(Data)?.FullName
        ?? (Environment.GetEnvironmentVariable("DOS_DATA") is { Length: > 0 } data ? Path.GetFullPath(data) : null)
        ?? Path.Combine(Environment.GetFolderPath(Environment.SpecialFolder.LocalApplicationData, Environment.SpecialFolderOption.DoNotVerify), "orleans-dos");

    /// <exception cref="DosException">Unavailable: no node of the cluster is ready here. Unauthenticated: no credential.</exception>
    public static HttpMachine OpenMachine(ParseResult parsed) =>
        HttpMachine.Create(new HttpMachineOptions { Urls = Urls(parsed), Token = Token(parsed), Machine = parsed.GetValue(Machine)! });

    public static HttpMachine OpenMachine(string dataDirectory) => HttpMachine.Create(new HttpMachineOptions
    {
        Urls = [.. ReadyNodes(dataDirectory).Select(ready => new Uri(ready.Url))],
        Token = ReadCredential(Path.Combine(dataDirectory, "credential")),
    });

    /// <summary>The nodes that said on this host that they are ready.</summary>
    public static IReadOnlyList<ReadyFile> ReadyNodes(string dataDirectory)
    {
        var nodes = Path.Combine(dataDirectory, "nodes");
        if (!Directory.Exists(nodes))
        {
            return [];
        }
        return [.. Directory.EnumerateDirectories(nodes).Order(StringComparer.Ordinal).Select(node => ReadReady(Path.Combine(node, "ready.json"))).OfType<ReadyFile>()];
    }

    public static ReadyFile? ReadReady(string path)
    {
        try
        {
            return JsonSerializer.Deserialize<ReadyFile>(File.ReadAllBytes(path), Web);
        }
        catch (Exception failure) when (failure is IOException or JsonException or UnauthorizedAccessException)
        {
            // The node is not ready, or is just replacing the file: as good as absent.
            return null;
        }
    }

    private static Uri[] Urls(ParseResult parsed)
    {
        var given = parsed.GetValue(Url) is { Length: > 0 } some ? some : Environment.GetEnvironmentVariable("DOS_URL")?.Split(',', StringSplitOptions.RemoveEmptyEntries) ?? [];
        if (given.Length > 0)
        {
            return [.. given.Select(text => Uri.TryCreate(text, UriKind.Absolute, out var uri) ? uri : throw new DosException(DosErrorCode.InvalidArgument, $"'{text}' is no address"))];
        }
        var data = DataDirectory(parsed);
        var ready = ReadyNodes(data);
        return ready.Count > 0
            ? [.. ready.Select(node => new Uri(node.Url))]
            : throw new DosException(DosErrorCode.Unavailable, $"no node is up in {data}: start one with 'dos up', or name one with --url");
    }

    private static string Token(ParseResult parsed)
    {
        var given = parsed.GetValue(Credential);
        if (given == "-")
        {
            return Console.In.ReadLine()?.Trim() ?? "";
        }
        if (given is null && Environment.GetEnvironmentVariable("DOS_CREDENTIAL") is { Length: > 0 } token)
        {
            return token.Trim();
        }
        return ReadCredential(given ?? Path.Combine(DataDirectory(parsed), "credential"));
    }

    private static string ReadCredential(string path) => File.Exists(path)
        ? File.ReadAllText(path).Trim()
        : throw new DosException(DosErrorCode.Unauthenticated, $"there is no credential at {path}");
}
