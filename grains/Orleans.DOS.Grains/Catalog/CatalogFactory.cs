using Microsoft.Extensions.Logging;
using Microsoft.Extensions.Logging.Abstractions;

namespace Orleans.DOS.Catalog;

/// <summary>An open catalog; disposing it lets queued writes end and closes its connections.</summary>
public interface IOpenCatalog : ICatalog, IAsyncDisposable
{
    ClusterRow Cluster { get; }
}

/// <summary>The one way to a catalog: checks or migrates the schema first, so that nothing runs on tables it does not know.</summary>
public static class CatalogFactory
{
    /// <exception cref="DosException">
    /// SchemaTooNew, SchemaTooOld; Unavailable: the database cannot be reached; NoSpace; InvalidArgument: the connection string is malformed.
    /// </exception>
    public static async Task<IOpenCatalog> OpenAsync(
        CatalogSettings settings, TimeProvider? time = null, ILoggerFactory? loggers = null, CancellationToken cancellationToken = default)
    {
        var cluster = await CatalogMigrations.ApplyAsync(settings, time, cancellationToken);
        var logger = (loggers ?? NullLoggerFactory.Instance).CreateLogger("Orleans.DOS.Catalog");
        return settings.SqlitePath is { } path
            ? new SqliteCatalog(path, cluster, logger)
            : new PostgresCatalog(settings.PostgresConnectionString!, cluster, logger);
    }
}
