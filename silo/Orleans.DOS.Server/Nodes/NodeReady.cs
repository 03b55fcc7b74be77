using Microsoft.Extensions.Diagnostics.HealthChecks;
using Orleans.DOS.Catalog;
using Orleans.DOS.Nodes;

namespace Orleans.DOS.Server.Nodes;

/// <summary>Ready: the silo is active in this node's own view and the catalog answers.</summary>
internal sealed class NodeReady(INodeView view, ICatalog catalog) : IHealthCheck
{
    public async Task<HealthCheckResult> CheckHealthAsync(HealthCheckContext context, CancellationToken cancellationToken = default)
    {
        if (!view.TryGetAddress(view.Self, out _))
        {
            return HealthCheckResult.Unhealthy("the silo is not active");
        }
        try
        {
            await catalog.ReadAsync(session => session.QueryFirstAsync<long?>("SELECT one FROM dos_cluster"), cancellationToken);
            return HealthCheckResult.Healthy();
        }
        catch (DosException failure)
        {
            return HealthCheckResult.Unhealthy(failure.Message);
        }
    }
}
