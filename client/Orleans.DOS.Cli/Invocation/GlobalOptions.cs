using System.CommandLine;

namespace Orleans.DOS.Cli;

/// <summary>Options of every command.</summary>
internal static class GlobalOptions
{
    public static readonly Option<string?> Data = new("--data")
    {
        Description = "Directory of the cluster (default: $DOS_DATA, the context's, then ~/.local/share/orleans-dos)", Recursive = true,
    };
    public static readonly Option<string?> Context = new("--context") { Description = "Cluster by name, see 'dos context' (default: $DOS_CONTEXT, then the current one)", Recursive = true };
    public static readonly Option<string[]> Url = new("--url") { Description = "HTTP door of a node, when the cluster is elsewhere", Recursive = true };
    public static readonly Option<string?> Credential = new("--credential")
    {
        Description = "File that holds the token; '-' reads it from standard input", Recursive = true,
    };
    public static readonly Option<string?> Machine = new("--machine") { Description = "Name of the machine (default: the context's, then main)", Recursive = true };
    public static readonly Option<string?> Request = new("--request-id")
    {
        Description = "Repeat a command whose outcome is unknown, by the id that it named: what it has done is not done again", Recursive = true,
    };
    public static readonly Option<bool> Json = new("--json") { Description = "Print JSON, one object a line", Recursive = true };

    public static void AddTo(RootCommand root)
    {
        root.Add(Data);
        root.Add(Context);
        root.Add(Url);
        root.Add(Credential);
        root.Add(Machine);
        root.Add(Request);
        root.Add(Json);
    }
}
