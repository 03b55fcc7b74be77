using System.CommandLine;

namespace Orleans.DOS.Cli.Cluster;

/// <summary>What <c>dos up</c> and <c>dos node start</c> tell each node that they start.</summary>
/// <param name="Postgres">Connection string; null: what $DOS_POSTGRES says, or SQLite in the directory.</param>
/// <param name="Labels">For programs that want certain nodes, e.g. zone=a.</param>
/// <param name="Migrate">Whether a node brings an older schema up to date; otherwise it refuses it.</param>
internal sealed record NodeOptions(string? Postgres, IReadOnlyDictionary<string, string> Labels, bool Migrate)
{
    private static readonly Option<string[]> Label = new("--label") { Description = "NAME=VALUE by which programs find nodes, e.g. zone=a; may be repeated" };
    private static readonly Option<bool> NoMigrate = new("--no-migrate") { Description = "Refuse an older schema ('dos db migrate' brings it up to date) instead of changing it" };
    private static readonly Option<string?> Database = new("--postgres") { Description = "Connection string of the cluster's PostgreSQL (default: $DOS_POSTGRES, else SQLite in the directory)" };

    public static Command AddTo(Command command)
    {
        command.Add(Database);
        command.Add(Label);
        command.Add(NoMigrate);
        return command;
    }

    /// <exception cref="DosException">InvalidArgument.</exception>
    public static NodeOptions Of(Session session) => new(session.Get(Database), Pairs.Of(Label, session.Get(Label)), !session.Get(NoMigrate));

    /// <summary>The same for the node's executable and for a 'dos up' of our own, but for the database, which no command line shall show.</summary>
    public IEnumerable<string> ToArguments() =>
        [.. Labels.SelectMany(label => new[] { Label.Name, $"{label.Key}={label.Value}" }), .. Migrate ? Array.Empty<string>() : [NoMigrate.Name]];
}
