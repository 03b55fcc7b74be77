using Microsoft.AspNetCore.Connections;
using Microsoft.AspNetCore.Server.Kestrel.Core;
using Microsoft.Extensions.DependencyInjection;
using Microsoft.Extensions.Hosting;

namespace Orleans.DOS.Server.Nodes;

/// <summary>
/// How long the HTTP door may take to stop. It closes first, and Kestrel waits for open requests as long as the whole host may take: one slow
/// upload would leave the silo no time to hand over what it owns.
/// </summary>
internal sealed class DoorBudget : IDisposable
{
    /// <summary>Enough for any call that does not wait; what waits or goes on ends at once by itself.</summary>
    private static readonly TimeSpan ClosingMax = TimeSpan.FromSeconds(1.5);

    private readonly CancellationTokenSource _over;
    private readonly CancellationTokenRegistration _stopping;

    public DoorBudget(IHostApplicationLifetime lifetime, TimeProvider time)
    {
        _over = new CancellationTokenSource(Timeout.InfiniteTimeSpan, time);
        _stopping = lifetime.ApplicationStopping.Register(() => _over.CancelAfter(ClosingMax));
    }

    public void Dispose()
    {
        // A node that could not start is disposed before it stops.
        _stopping.Dispose();
        _over.Dispose();
    }

    /// <summary>Breaks connections off that are still open when the time is over.</summary>
    public static void Bound(ListenOptions door) => door.Use(next =>
    {
        var budget = door.ApplicationServices.GetRequiredService<DoorBudget>();
        return async connection =>
        {
            using var end = budget._over.Token.Register(() => connection.Abort(new ConnectionAbortedException("the node has stopped")));
            await next(connection);
        };
    });
}
