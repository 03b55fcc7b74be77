using Microsoft.Extensions.Diagnostics.HealthChecks;
using Orleans.DOS.Catalog;
using Orleans.DOS.Nodes;

namespace Orleans.DOS.Server.Nodes;

/// <summary>
/// Ready: the silo is active in this node's own view and the catalog answers. Whoever asks needs no credential, so that all who ask within a
/// second share one question to the catalog.
/// </summary>
internal sealed class NodeReady(INodeView view, ICatalog catalog, TimeProvider time) : IHealthCheck
{
    private static readonly TimeSpan Fresh = TimeSpan.FromSeconds(1);

    private readonly System.Threading.Lock _gate = new();
    private Task<HealthCheckResult>? _answer;
    private long _asked;

    public Task<HealthCheckResult> CheckHealthAsync(HealthCheckContext context, CancellationToken cancellationToken = default) =>
        view.TryGetAddress(view.Self, out _)
            ? CatalogAsync().WaitAsync(cancellationToken)
            : Task.FromResult(HealthCheckResult.Unhealthy("the silo is not active"));

    private Task<HealthCheckResult> CatalogAsync()
    {
        lock (_gate)
        {
            // An answer that is still to come is shared however long it takes: a database that hangs gets no further question.
            if (_answer is { IsCompleted: false } || (_answer is not null && time.GetElapsedTime(_asked) < Fresh))
            {
                return _answer;
            }
            _asked = time.GetTimestamp();
            return _answer = AskAsync();
        }
    }

    private async Task<HealthCheckResult> AskAsync()
    {
        try
        {
            await catalog.ReadAsync(session => session.QueryFirstAsync<long?>("SELECT one FROM dos_cluster"));
            return HealthCheckResult.Healthy();
        }
        catch (DosException failure)
        {
            return HealthCheckResult.Unhealthy(failure.Message);
        }
    }
}
