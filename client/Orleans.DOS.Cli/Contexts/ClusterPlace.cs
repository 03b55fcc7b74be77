namespace Orleans.DOS.Cli.Contexts;

/// <summary>
/// Which cluster a command is about: what is said first of <c>--data</c>, <c>--context</c>, <c>$DOS_DATA</c>, <c>$DOS_CONTEXT</c>, the
/// current context; else the default directory.
/// </summary>
internal sealed class ClusterPlace
{
    /// <summary>The context that stands for the default directory.</summary>
    public const string Default = "default";
    private const string DataVariable = "DOS_DATA";
    private const string ContextVariable = "DOS_CONTEXT";
    public static readonly string[] Variables = [DataVariable, ContextVariable];

    private readonly string _name;
    private readonly ClusterContext _context;
    /// <summary>Whether this very command named the context.</summary>
    private readonly bool _isNamed;

    private ClusterPlace(string name, ClusterContext context, bool isNamed = false) => (_name, _context, _isNamed) = (name, context, isNamed);

    /// <exception cref="DosException">InvalidArgument: there is no such context; Damaged, NotSupported: see ContextFile.</exception>
    public static ClusterPlace Of(string? data, string? context) =>
        data is { Length: > 0 } ? At(data)
        : context is { Length: > 0 } ? Named(ContextFile.Ours().Read(), context, isNamed: true)
        : Environment.GetEnvironmentVariable(DataVariable) is { Length: > 0 } variable ? At(variable)
        : ContextFile.Ours().Read() is var stored && Environment.GetEnvironmentVariable(ContextVariable) is { Length: > 0 } name ? Named(stored, name)
        : Named(stored, stored.Current ?? Default);

    /// <summary>The cluster's directory on this host.</summary>
    /// <exception cref="DosException">InvalidArgument: it has none.</exception>
    public DataFolder Data => _context.Data is { } data
        ? new DataFolder(data)
        : throw new DosException(DosErrorCode.InvalidArgument, $"context '{_name}' is of a cluster elsewhere; name a directory of this host with --data");

    public string? Machine => _context.Machine;

    /// <exception cref="DosException">Unavailable: no node is up.</exception>
    public Uri[] Urls() => _context.Urls.Count > 0 ? [.. _context.Urls.Select(Session.Address)] : Data.Urls();

    /// <exception cref="DosException">Unauthenticated.</exception>
    public string Token() =>
        _context.TokenFile is { } file ? File.ReadAllText(file).Trim()
        : _context.Token
        ?? (_context.Data is not null ? Data.Token() : throw new DosException(DosErrorCode.Unauthenticated, $"context '{_name}' has no token; --credential names a file with one"));

    /// <summary>The token for doors that the user named. A token is told only to whom it is of, unless the user says otherwise by naming both.</summary>
    /// <exception cref="DosException">Unauthenticated: there is none, or one of the doors is none of this cluster's.</exception>
    public string TokenFor(IEnumerable<Uri> doors)
    {
        var token = Token();
        var ours = _context.Urls.Count > 0 ? Urls() : _context.Data is null ? [] : [.. Data.Ready().Select(node => node.Url)];
        return _isNamed || doors.FirstOrDefault(door => !ours.Any(known => Origin(known) == Origin(door))) is not { } stranger
            ? token
            : throw new DosException(DosErrorCode.Unauthenticated,
                $"the token of {(_name.Length > 0 ? $"context '{_name}'" : _context.Data)} is not told to {Origin(stranger)}, which is none of its nodes that are up; --credential or --context says which one is");
    }

    private static string Origin(Uri url) => url.GetLeftPart(UriPartial.Authority);

    public static DosException Unknown(string name) => new(DosErrorCode.InvalidArgument, $"there is no context '{name}'; 'dos context ls' lists them");

    private static ClusterPlace At(string directory) => new("", new ClusterContext { Data = Path.GetFullPath(directory) });

    private static ClusterPlace Named(StoredContexts stored, string name, bool isNamed = false) => new(name,
        stored.Contexts.TryGetValue(name, out var context) ? context
        : name == Default ? new ClusterContext { Data = DataFolder.Default().Path }
        : throw Unknown(name), isNamed);
}
