namespace Orleans.DOS.Cli.Cluster;

/// <param name="Nodes">1 to 64; the host's cores are split among them.</param>
/// <param name="Postgres">Connection string; null: what $DOS_POSTGRES says, or SQLite in the directory.</param>
internal sealed record SupervisorOptions(DataFolder Data, int Nodes, string? Postgres);
