using Orleans.DOS.Catalog;
using Orleans.DOS.Nodes;

namespace Orleans.DOS.Server;

/// <summary>Brings a catalog's schema up to date without being a node: no port, no lock of a node's directory, no key.</summary>
public static class DosSchema
{
    /// <summary>Answers one line for whoever asked.</summary>
    /// <exception cref="DosException">InvalidArgument, SchemaTooNew, NoSpace; Unavailable: the database cannot be reached.</exception>
    public static async Task<string> BringUpAsync(DosNodeOptions options, CancellationToken cancellationToken = default)
    {
        options.Validate();
        var settings = options.CatalogIn(options.Postgres is null ? DataDirectory.OpenRoot(options.DataDirectory) : options.DataDirectory) with { Migrate = true };
        await using var catalog = await CatalogFactory.OpenAsync(settings, TimeProvider.System, cancellationToken: cancellationToken);
        var version = await catalog.ReadAsync(session => session.QueryFirstAsync<long?>("SELECT MAX(version) FROM dos_schema"), cancellationToken) ?? 0;
        return $"schema {version} of cluster {catalog.Cluster.ClusterId} is up to date";
    }
}
