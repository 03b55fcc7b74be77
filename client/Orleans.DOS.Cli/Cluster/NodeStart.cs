using System.Globalization;

namespace Orleans.DOS.Cli.Cluster;

/// <summary>How the node's executable is started.</summary>
/// <param name="Environment">Added to our own: what a command line would show to everyone on the host.</param>
internal sealed record NodeStart(IReadOnlyList<string> Arguments, IReadOnlyDictionary<string, string> Environment)
{
    /// <summary>Variable by which a supervisor's nodes are known when it has been killed; its value says nothing.</summary>
    public const string SupervisedVariable = "DOS_SUPERVISED";
    public const string PostgresVariable = "DOS_POSTGRES";

    /// <param name="cpus">Cores lent to the cluster; 0: all.</param>
    /// <param name="declared">Nodes that the cluster is meant to have.</param>
    public static NodeStart Of(DataFolder data, string name, int cpus, int declared, NodeOptions options) => new(
        [
            "--data", data.Path, "--name", name, "--cpus", cpus.ToString(CultureInfo.InvariantCulture),
            "--nodes-declared", declared.ToString(CultureInfo.InvariantCulture), .. options.ToArguments(),
        ],
        Database(options.Postgres));

    /// <summary>Only brings the schema up to date.</summary>
    public static NodeStart Migration(DataFolder data, string? postgres) => new(["--migrate-only", "--data", data.Path], Database(postgres));

    public NodeStart Supervised() => this with { Environment = new Dictionary<string, string>(Environment) { [SupervisedVariable] = "1" } };

    private static Dictionary<string, string> Database(string? postgres) => postgres is null ? [] : new() { [PostgresVariable] = postgres };
}
