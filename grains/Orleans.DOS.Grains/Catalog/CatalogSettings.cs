namespace Orleans.DOS.Catalog;

/// <summary>Where the catalog lives: exactly one of a SQLite file (embedded) and a PostgreSQL connection string.</summary>
public sealed record CatalogSettings
{
    private CatalogSettings() { }

    /// <summary>Full path of the SQLite file; the processes of one host share it. Never on a network file system.</summary>
    public string? SqlitePath { get; private init; }

    public string? PostgresConnectionString { get; private init; }

    /// <summary>Whether opening brings an older schema up to date; otherwise it is SchemaTooOld.</summary>
    public bool Migrate { get; init; } = true;

    /// <summary>Nodes that the cluster is declared to have: decides the replicas of a new cluster, and nothing later.</summary>
    public int DeclaredNodes { get; init; } = 1;

    public static CatalogSettings Sqlite(string path) => new() { SqlitePath = System.IO.Path.GetFullPath(path) };

    public static CatalogSettings Postgres(string connectionString) => new() { PostgresConnectionString = connectionString };

    /// <summary>The name by which Orleans' AdoNet providers know this database (for SQLite it names one driver and loads another).</summary>
    public string OrleansInvariant => SqlitePath is null ? "Npgsql" : "System.Data.SQLite";

    /// <summary>What Orleans' AdoNet providers connect with: the same database; in PostgreSQL from a pool of their own.</summary>
    public string OrleansConnectionString => SqlitePath is { } path
        ? SqliteConnections.ForOrleans(path)
        : PostgresConnectionStrings.ForOrleans(PostgresConnectionString!);
}

/// <summary>The catalog's own row: which cluster it belongs to, and how often bytes are kept.</summary>
public sealed record ClusterRow(string ClusterId, long ReplicasDefault, long ReplicasMin, long CreatedAt);
