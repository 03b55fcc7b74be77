namespace Orleans.DOS.Cli.Cluster;

/// <param name="Nodes">1 to 64.</param>
/// <param name="Postgres">Connection string, or null for SQLite in the directory.</param>
internal sealed record SupervisorOptions(DataFolder Data, int Nodes, string? Postgres);
