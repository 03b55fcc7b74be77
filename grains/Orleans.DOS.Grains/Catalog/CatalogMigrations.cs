using System.Data.Common;
using System.Reflection;
using System.Security.Cryptography;
using Dapper;
using Npgsql;

namespace Orleans.DOS.Catalog;

/// <summary>
/// Brings the schema to what this release needs, once, however many nodes start at the same time: all steps and the row of the
/// cluster in one transaction under a lock (PostgreSQL: an advisory lock; SQLite: the write lock). A newer schema is accepted when
/// its oldest release is not newer than this one: steps expand first and contract a release later, so that old and new nodes run
/// side by side.
/// </summary>
public static class CatalogMigrations
{
    /// <summary>Any number; it must be the same in every release.</summary>
    private const long AdvisoryLock = 0x646F735F736368;

    /// <summary>This build, e.g. 0.1.0.</summary>
    public static Version Release { get; } = ThisRelease();

    /// <returns>The cluster's row, created with a random id when the schema was empty.</returns>
    /// <exception cref="DosException">
    /// SchemaTooNew; SchemaTooOld: steps are missing and <see cref="CatalogSettings.Migrate"/> is false; Unavailable; NoSpace.
    /// </exception>
    public static async Task<ClusterRow> ApplyAsync(CatalogSettings settings, TimeProvider? time = null, CancellationToken cancellationToken = default)
    {
        var now = CatalogTime.From((time ?? TimeProvider.System).GetUtcNow());
        try
        {
            return settings.SqlitePath is { } path
                ? ApplySqlite(path, settings, now)
                : await ApplyPostgresAsync(settings.PostgresConnectionString!, settings, now, cancellationToken);
        }
        catch (DbException failure)
        {
            throw SqliteErrors.Map(PostgresErrors.Map(failure));
        }
    }

    private static ClusterRow ApplySqlite(string path, CatalogSettings settings, long now)
    {
        if (!Directory.Exists(System.IO.Path.GetDirectoryName(path)))
        {
            throw new DosException(DosErrorCode.Unavailable, $"The directory of the catalog file {path} does not exist");
        }
        using var connection = SqliteConnections.OpenWriter(path);
        using var transaction = connection.BeginTransaction(deferred: false);
        var cluster = Apply(connection, transaction, SqliteDialect.Instance, settings, now);
        transaction.Commit();
        return cluster;
    }

    private static async Task<ClusterRow> ApplyPostgresAsync(string connectionString, CatalogSettings settings, long now, CancellationToken cancellationToken)
    {
        await using var source = NpgsqlDataSource.Create(PostgresConnectionStrings.ForCatalog(connectionString));
        await using var connection = await source.OpenConnectionAsync(cancellationToken);
        await using var transaction = await connection.BeginTransactionAsync(cancellationToken);

        // A step over a large table may take long, and so may the wait for the node that runs it.
        await connection.ExecuteAsync(
            "SET LOCAL lock_timeout = '60s'; SET LOCAL statement_timeout = '600s'", transaction: transaction, commandTimeout: 601);
        await connection.ExecuteAsync(
            "SELECT pg_advisory_xact_lock(@AdvisoryLock)", new { AdvisoryLock }, transaction, commandTimeout: 601);
        var cluster = Apply(connection, transaction, PostgresDialect.Instance, settings, now);
        await transaction.CommitAsync(cancellationToken);
        return cluster;
    }

    private static ClusterRow Apply(DbConnection connection, DbTransaction transaction, ISqlDialect dialect, CatalogSettings settings, long now)
    {
        var steps = CatalogMigration.For(dialect);
        var present = Exists(connection, transaction, dialect) ? VersionOf(connection, transaction) : 0;
        if (present > steps.Count)
        {
            RequireNotTooNew(connection, transaction, present);
        }
        if (present < steps.Count && !settings.Migrate)
        {
            throw new DosException(DosErrorCode.SchemaTooOld,
                $"The catalog has schema version {present}, this release needs {steps.Count}, and migrating is not allowed: run 'dos db migrate'");
        }
        if (present == 0)
        {
            connection.Execute(
                "CREATE TABLE IF NOT EXISTS dos_schema (version BIGINT NOT NULL PRIMARY KEY, oldest_release TEXT NOT NULL, applied_at BIGINT NOT NULL)",
                transaction: transaction);
        }
        foreach (var step in steps.Where(step => step.Version > present))
        {
            connection.Execute(step.Sql, transaction: transaction, commandTimeout: 600);
            connection.Execute("INSERT INTO dos_schema(version, oldest_release, applied_at) VALUES (@Version, @OldestRelease, @now)",
                new { step.Version, step.OldestRelease, now }, transaction);
        }
        return Cluster(connection, transaction, settings, now);
    }

    private static ClusterRow Cluster(DbConnection connection, DbTransaction transaction, CatalogSettings settings, long now)
    {
        const string read =
            "SELECT cluster_id AS ClusterId, replicas_default AS ReplicasDefault, replicas_min AS ReplicasMin, created_at AS CreatedAt FROM dos_cluster WHERE one = 1";
        if (connection.QueryFirstOrDefault<ClusterRow>(read, transaction: transaction) is { } present)
        {
            return present;
        }
        var (replicas, least) = settings.DeclaredNodes switch { <= 1 => (1L, 1L), 2 => (2L, 1L), _ => (3L, 2L) };
        var created = new ClusterRow($"c-{Convert.ToHexStringLower(RandomNumberGenerator.GetBytes(12))}", replicas, least, now);
        connection.Execute(
            "INSERT INTO dos_cluster(one, cluster_id, replicas_default, replicas_min, created_at) VALUES (1, @ClusterId, @ReplicasDefault, @ReplicasMin, @CreatedAt)",
            created, transaction);
        return created;
    }

    private static bool Exists(DbConnection connection, DbTransaction transaction, ISqlDialect dialect) => connection.ExecuteScalar<long>(
        dialect is SqliteDialect
            ? "SELECT count(*) FROM sqlite_master WHERE type = 'table' AND name = 'dos_schema'"
            : "SELECT count(*) FROM pg_catalog.pg_class WHERE oid = to_regclass('dos_schema')",
        transaction: transaction) > 0;

    private static long VersionOf(DbConnection connection, DbTransaction transaction) =>
        connection.ExecuteScalar<long>("SELECT coalesce(max(version), 0) FROM dos_schema", transaction: transaction);

    private static void RequireNotTooNew(DbConnection connection, DbTransaction transaction, long present)
    {
        var newest = connection.QueryFirst<string>(
            "SELECT oldest_release FROM dos_schema WHERE version = @present", new { present }, transaction);
        if (!Version.TryParse(newest, out var oldest) || oldest > Release)
        {
            throw new DosException(DosErrorCode.SchemaTooNew,
                $"The catalog has schema version {present}, which needs at least release {newest}; this is release {Release}");
        }
    }

    private static Version ThisRelease()
    {
        var version = typeof(CatalogMigrations).Assembly.GetName().Version ?? new Version(0, 0, 0);
        return new Version(version.Major, version.Minor, Math.Max(version.Build, 0));
    }
}
