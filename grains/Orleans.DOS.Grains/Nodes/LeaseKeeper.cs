using Microsoft.Extensions.Hosting;
using Microsoft.Extensions.Logging;
using Orleans.DOS.Catalog;
using Orleans.Runtime;

namespace Orleans.DOS.Nodes;

/// <summary>
/// Keeps this node's lease (design, section 7): reads its membership row twice a second, confirms each new view in the catalog, and
/// asks the other nodes of its view when the catalog is slow to answer or away.
/// </summary>
public sealed partial class LeaseKeeper(
    NodeStanding standing, NodeView view, INodeClients clients, ICatalog catalog, IClusterMembershipService membership, TimeProvider time, ILogger<LeaseKeeper> log)
    : BackgroundService, INodeLease
{
    private static readonly TimeSpan Period = TimeSpan.FromMilliseconds(500);

    /// <summary>Between readings that somebody waits for.</summary>
    private static readonly TimeSpan ShortPeriod = TimeSpan.FromMilliseconds(100);

    /// <summary>A reading that takes longer would prolong nothing.</summary>
    private static readonly TimeSpan Patience = TimeSpan.FromMilliseconds(NodeLease.TermMs - 500);

    /// <summary>How long a call waits for a lease that has just run out.</summary>
    private static readonly TimeSpan RequirePatience = TimeSpan.FromSeconds(1);

    /// <summary>The reading that is under way has taken too long already: the others are asked.</summary>
    private static readonly long OverdueMs = (long)Period.TotalMilliseconds * 2;

    private long _rowReadMs;
    private long _confirmed = -1;

    public bool IsHeld => standing.IsLeaseHeld;

    public bool IsUnchanged(long version) => standing.IsUnchanged(version);

    public async ValueTask RequireAsync()
    {
        if (standing.IsLeaseHeld)
        {
            return;
        }
        var started = time.GetTimestamp();
        while (!standing.IsLost && time.GetElapsedTime(started) < RequirePatience)
        {
            var renewed = standing.Renewed;
            standing.Want();
            await renewed.WaitAsync(ShortPeriod, time).ConfigureAwait(ConfigureAwaitOptions.SuppressThrowing);
            if (standing.IsLeaseHeld)
            {
                return;
            }
        }
        throw new DosException(new DosError(
            DosErrorCode.Unavailable, "this node cannot make sure that it is still a member of the cluster", RetryAfter: Period));
    }

    protected override Task ExecuteAsync(CancellationToken stoppingToken) => Task.WhenAll(
        LoopAsync(ReadAsync, () => standing.Wanted, stoppingToken), LoopAsync(AskOthersAsync, () => Task.Delay(Timeout.Infinite, stoppingToken), stoppingToken));

    /// <summary>One reading; apart from the loop, so that a test can make it happen.</summary>
    internal async Task ReadAsync(CancellationToken cancellationToken)
    {
        var sentMs = standing.NowMs;
        var reading = await catalog.ReadAsync(session => session.ReadMembershipAsync(view.ClusterId), cancellationToken).WaitAsync(Patience, time, cancellationToken);
        if (!standing.Read(reading, sentMs))
        {
            return;
        }
        Volatile.Write(ref _rowReadMs, sentMs);
        if (reading.Version > _confirmed)
        {
            NodeStart[] others = [.. reading.Members.Where(member => member.IsActive && member.Start != standing.Self).Select(member => member.Start)];
            var now = CatalogTime.From(time.GetUtcNow());
            if (await catalog.WriteAsync(session => session.ConfirmViewAsync(view.ClusterId, standing.Self, reading.Version, others, now), cancellationToken))
            {
                standing.Confirmed(reading.Version, others);
                _confirmed = reading.Version;
            }
        }
        if (reading.Version > membership.CurrentSnapshot.Version.Value)
        {
            await membership.Refresh(new MembershipVersion(reading.Version), cancellationToken);
        }
    }

    /// <summary>The second form: not while the first works.</summary>
    internal async Task AskOthersAsync(CancellationToken cancellationToken)
    {
        var sentMs = standing.NowMs;
        if (sentMs - Volatile.Read(ref _rowReadMs) < OverdueMs || standing.Round is not { } round)
        {
            return;
        }
        var answers = await Task.WhenAll(round.Others.Select(other => IsUnchangedAsync(other, round.Version))).WaitAsync(cancellationToken);
        if (Array.TrueForAll(answers, unchanged => unchanged))
        {
            standing.RoundAnswered(sentMs, round.Version);
        }
    }

    private async Task<bool> IsUnchangedAsync(NodeStart other, long version)
    {
        try
        {
            return await clients.Node(other.Node).IsUnchangedAsync(other.Incarnation, version).WaitAsync(Patience, time);
        }
        catch (Exception failure) when (failure is DosException or TimeoutException or OrleansException)
        {
            return false; // Whatever it was: it has not said so.
        }
    }

    /// <param name="wanted">Ends the pause between two steps; not after one that failed.</param>
    private async Task LoopAsync(Func<CancellationToken, Task> step, Func<Task> wanted, CancellationToken stoppingToken)
    {
        var works = true;
        while (!stoppingToken.IsCancellationRequested)
        {
            try
            {
                await step(stoppingToken);
                works = true;
            }
            catch (Exception failure)
            {
                // The next time tries again, and the lease runs out by itself; only the first failure of a row is worth a line.
                if (works && !stoppingToken.IsCancellationRequested)
                {
                    LogNotRenewed(log, failure.Message);
                }
                works = false;
            }
            var pause = Task.Delay(standing.IsWaiting ? ShortPeriod : Period, time, stoppingToken);
            await Task.WhenAny(pause, works ? wanted() : pause);
        }
    }

    [LoggerMessage(Level = LogLevel.Information, Message = "The node's lease could not be renewed now: {Reason}")]
    private static partial void LogNotRenewed(ILogger log, string reason);
}
