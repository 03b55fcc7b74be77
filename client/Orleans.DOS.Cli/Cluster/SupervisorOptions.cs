namespace Orleans.DOS.Cli.Cluster;

/// <param name="Nodes">1 to 64; the host's cores are split among them.</param>
internal sealed record SupervisorOptions(DataFolder Data, int Nodes, NodeOptions Each);
