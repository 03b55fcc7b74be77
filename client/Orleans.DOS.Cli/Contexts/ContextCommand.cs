using System.CommandLine;
using System.Text.RegularExpressions;

namespace Orleans.DOS.Cli.Contexts;

/// <summary>Clusters by name, as <c>docker context</c> and kubectl have them. 'default' is the default directory and cannot be changed.</summary>
internal static partial class ContextCommand
{
    private static readonly Argument<string> Name = new("NAME");
    private static readonly Option<string?> TokenFile = new("--token-file")
    {
        Description = "File that holds the token, read at each use; '-' reads the token from standard input and stores it",
    };

    public static Command Create() => new("context", "Clusters by name, for --context")
    {
        Session.On(new Command("add", "Store how a cluster is reached: --url and --token-file, or --data for one of this host; --machine") { Name, TokenFile }, Add),
        Session.On(new Command("use", "Make one the current one: commands use it when nothing else is said; 'default' is the default directory") { Name }, Use),
        Session.On(new Command("ls", "List them"), List),
        Session.On(new Command("rm", "Forget one") { Name }, Remove),
    };

    private static Task Add(Session session, CancellationToken cancellation)
    {
        var (name, stored) = (session.Get(Name), ContextFile.Ours().Read());
        if (!ValidName().IsMatch(name) || name == ClusterPlace.Default)
        {
            throw Wrong($"'{name}' cannot be the name of a context: 1 to 63 letters, digits, '.', '_' and '-', not '{ClusterPlace.Default}'");
        }
        if (stored.Contexts.ContainsKey(name))
        {
            throw Wrong($"there is a context '{name}' already; 'dos context rm {name}' forgets it");
        }
        string[] urls = [.. (session.Get(GlobalOptions.Url) ?? []).Select(url => Session.Address(url).GetLeftPart(UriPartial.Authority))];
        var (data, file) = (session.Get(GlobalOptions.Data), session.Get(TokenFile));
        if (urls.Length == 0 == (data is null))
        {
            throw Wrong("a context is either a cluster elsewhere, by --url, or one of this host, by --data");
        }
        stored.Contexts.Add(name, new ClusterContext
        {
            Urls = urls, Data = data is null ? null : Path.GetFullPath(data), Machine = session.Get(GlobalOptions.Machine),
            TokenFile = file is null or "-" ? null : Path.GetFullPath(file), Token = file == "-" ? StandardInput.ReadToken() : null,
        });
        ContextFile.Ours().Write(stored);
        return Task.CompletedTask;
    }

    private static Task Use(Session session, CancellationToken cancellation)
    {
        var (name, stored) = (session.Get(Name), ContextFile.Ours().Read());
        Require(stored, name);
        ContextFile.Ours().Write(stored with { Current = name == ClusterPlace.Default ? null : name });
        foreach (var variable in ClusterPlace.Variables.Where(variable => Environment.GetEnvironmentVariable(variable) is { Length: > 0 }))
        {
            Console.Error.WriteLine($"dos: ${variable} is set and goes before the current context");
        }
        return Task.CompletedTask;
    }

    private static Task Remove(Session session, CancellationToken cancellation)
    {
        var (name, stored) = (session.Get(Name), ContextFile.Ours().Read());
        Require(stored, name);
        if (!stored.Contexts.Remove(name) || name == stored.Current)
        {
            throw Wrong(name == ClusterPlace.Default ? $"'{name}' is always there" : $"'{name}' is the current context; 'dos context use {ClusterPlace.Default}' or another one first");
        }
        ContextFile.Ours().Write(stored);
        return Task.CompletedTask;
    }

    private static Task List(Session session, CancellationToken cancellation)
    {
        var stored = ContextFile.Ours().Read();
        var local = new ClusterContext { Data = DataFolder.Default().Path };
        Printer.Rows(
            session, stored.Contexts.Select(pair => (Name: pair.Key, Context: pair.Value)).Prepend((Name: ClusterPlace.Default, Context: local)),
            // Tokens are never shown.
            c => new { name = c.Name, current = IsCurrent(stored, c.Name), urls = c.Context.Urls, data = c.Context.Data, tokenFile = c.Context.TokenFile, machine = c.Context.Machine ?? "main" },
            ["NAME", "CURRENT", "MACHINE", "CLUSTER"],
            c => [c.Name, IsCurrent(stored, c.Name) ? "*" : "", c.Context.Machine ?? "main", c.Context.Data ?? string.Join(' ', c.Context.Urls)]);
        return Task.CompletedTask;
    }

    private static bool IsCurrent(StoredContexts stored, string name) => name == (stored.Current ?? ClusterPlace.Default);

    private static void Require(StoredContexts stored, string name)
    {
        if (name != ClusterPlace.Default && !stored.Contexts.ContainsKey(name))
        {
            throw ClusterPlace.Unknown(name);
        }
    }

    private static DosException Wrong(string sentence) => new(DosErrorCode.InvalidArgument, sentence);

    [GeneratedRegex("^[A-Za-z0-9][A-Za-z0-9._-]{0,62}$")]
    private static partial Regex ValidName();
}
