using Microsoft.Extensions.Hosting;
using Microsoft.Extensions.Logging;
using Orleans.DOS.Catalog;
using Orleans.DOS.Files;
using Orleans.DOS.Nodes;

namespace Orleans.DOS.Processes;

/// <summary>
/// Sees to it that no process is silently gone. On every node: rows of this node's earlier starts end, and what the table says runs
/// here but does not (its start was lost) is started. On the node with the lowest id of those Active: the same for fenced nodes, what
/// waits is started when there is room, and old rows are deleted. Two leaders do no harm: every change is conditional.
/// </summary>
public sealed partial class ProcessWarden(
    ICatalog catalog, INodeView nodes, INodeClients clients, ProcessLauncher launcher, TimeProvider time, ILogger<ProcessWarden> log) : BackgroundService
{
    private static readonly TimeSpan Period = TimeSpan.FromSeconds(1);
    /// <summary>A start that was committed this long ago has reached its node or was lost: longer than a call can take.</summary>
    private static readonly TimeSpan AdoptionAge = Limits.CallTimeout + Limits.CallTimeout;
    /// <summary>Between two looks at what is old enough to be deleted.</summary>
    private static readonly TimeSpan SweepPeriod = TimeSpan.FromMinutes(1);
    /// <summary>Between two looks for lost starts, which nobody is in a hurry for: the caller's time-out was long before.</summary>
    private static readonly TimeSpan AdoptionPeriod = TimeSpan.FromSeconds(5);
    /// <summary>Rows looked at at once; the next round goes on behind them.</summary>
    private const int RowsMax = 500;
    /// <summary>Pages of old rows deleted in one sweep.</summary>
    private const int SweepPagesMax = 40;

    private DateTimeOffset _nextSweep;
    private DateTimeOffset _nextAdoption;
    /// <summary>Up to here those that wait were looked at: 500 that fit nowhere must not stand before all others.</summary>
    private long _lastPending;

    protected override async Task ExecuteAsync(CancellationToken stoppingToken)
    {
        using var timer = new PeriodicTimer(Period, time);
        while (!stoppingToken.IsCancellationRequested)
        {
            try
            {
                await RoundAsync(stoppingToken);
            }
            // The catalog or a node is away; the next round tries again, whatever it was.
            catch (Exception failure)
            {
                if (stoppingToken.IsCancellationRequested)
                {
                    return;
                }
                LogRoundFailed(log, failure);
            }
            try
            {
                await timer.WaitForNextTickAsync(stoppingToken);
            }
            catch (OperationCanceledException)
            {
                return;
            }
        }
    }

    /// <summary>One look at everything; apart from the loop, so that a test can make it happen. While nothing is to be done it reads the catalog once.</summary>
    internal async Task RoundAsync(CancellationToken cancellationToken = default)
    {
        var homes = await catalog.HomesAsync();
        foreach (var home in homes.Where(home => home.NodeId is not null).DistinctBy(home => (home.NodeId, home.NodeIncarnation)))
        {
            var (node, incarnation) = (new NodeId(home.NodeId!), home.NodeIncarnation ?? 0);
            if (node == nodes.Self ? incarnation < nodes.Incarnation : IsLeader && nodes.IsFenced(node, incarnation))
            {
                await LoseNodeAsync(node, incarnation, cancellationToken);
            }
        }
        var now = time.GetUtcNow();
        var adoptable = CatalogTime.From(now - AdoptionAge);
        if (now >= _nextAdoption && homes.Any(home => home.IsAt(nodes.Self, nodes.Incarnation) && home.FirstStartedAt < adoptable))
        {
            _nextAdoption = now + AdoptionPeriod;
            await AdoptAsync();
        }
        if (!IsLeader)
        {
            return;
        }
        if (homes.Any(home => home.State == (long)ProcessState.Pending))
        {
            var waiting = await catalog.PendingAsync(_lastPending, RowsMax);
            _lastPending = waiting.Count == RowsMax ? waiting[^1].Pid : 0;
            foreach (var record in waiting)
            {
                cancellationToken.ThrowIfCancellationRequested();
                await launcher.LaunchAsync(record);
            }
        }
        if (now >= _nextSweep)
        {
            _nextSweep = now + SweepPeriod;
            await DeleteOldAsync();
        }
    }

    private bool IsLeader => nodes.Active is { Count: > 0 } active && active.MinBy(node => node.Value, StringComparer.Ordinal) == nodes.Self;

    private async Task LoseNodeAsync(NodeId node, long nodeIncarnation, CancellationToken cancellationToken)
    {
        foreach (var record in await catalog.ActingAtAsync(node, nodeIncarnation, RowsMax))
        {
            cancellationToken.ThrowIfCancellationRequested();
            if (ProcessLifecycle.LoseNode(record.Row, node, nodeIncarnation, time.GetUtcNow()) is { } next && await catalog.ChangeAsync(record, next))
            {
                LogNodeLost(log, new ProcessId(record.Pid), node, next.State);
                if (next.State == ProcessState.Pending)
                {
                    await launcher.LaunchAsync(record);
                }
            }
        }
    }

    private async Task AdoptAsync()
    {
        var before = CatalogTime.From(time.GetUtcNow() - AdoptionAge);
        foreach (var record in await catalog.ActingAtAsync(nodes.Self, nodes.Incarnation, Limits.ProcessesPerNodeMax))
        {
            if (!(record.StartedAt < before) || await IsHereAsync(record))
            {
                continue;
            }
            // An end is forgotten here only after it was committed; so what the table still calls running was never started.
            if (await catalog.FindAsync(record.Pid) is not { } fresh || fresh.Row != record.Row)
            {
                continue;
            }
            if (fresh.Row.AskedToEnd is { } signal)
            {
                // It never began, and nobody wants it any more.
                await catalog.ChangeAsync(fresh, ProcessLifecycle.Exit(fresh.Row, fresh.Incarnation, nodes.Self, 128 + (int)signal, null, time.GetUtcNow())!);
                continue;
            }
            await launcher.StartAsync(fresh);
        }
    }

    private async Task<bool> IsHereAsync(ProcessRecord record)
    {
        try
        {
            await clients.Programs(nodes.Self).WaitExitAsync(new ProcessId(record.Pid), record.Incarnation, wait: false);
            return true;
        }
        catch (DosException failure) when (failure.Code == DosErrorCode.NoSuchProcess)
        {
            return false;
        }
    }

    private async Task DeleteOldAsync()
    {
        var before = time.GetUtcNow() - Limits.ExitedProcessRetention;
        for (var page = 0; page < SweepPagesMax; page++)
        {
            var old = await catalog.EndedBeforeAsync(before, RowsMax);
            foreach (var record in old)
            {
                await ForgetAsync(record);
            }
            await catalog.DeleteAsync([.. old.Select(record => record.Pid)]);
            if (old.Count < RowsMax)
            {
                break;
            }
        }
        // A cluster that only spawns makes no changes of names, which sweep them otherwise; one that makes changes no more has old ones.
        var now = CatalogTime.From(time.GetUtcNow());
        for (var page = 0; page < SweepPagesMax && await catalog.WriteAsync(session => session.SweepRequestsAsync(now)) == RequestTable.SweepRowsMax; page++)
        {
        }
        for (var page = 0; page < SweepPagesMax && await catalog.WriteAsync(session => session.SweepChangesAsync(now)) == ChangeTable.SweepRowsMax; page++)
        {
        }
    }

    /// <summary>What a node keeps of it is bounded anyway: one that cannot be reached holds up no sweep.</summary>
    private async Task ForgetAsync(ProcessRecord record)
    {
        if (record.Node is not { } node || !nodes.TryGetAddress(node, out _))
        {
            return;
        }
        try
        {
            await clients.Programs(node).ForgetAsync(new ProcessId(record.Pid), record.Incarnation);
        }
        catch (Exception failure) when (failure is TimeoutException or Orleans.Runtime.OrleansException or DosException)
        {
            LogNotForgotten(log, failure, new ProcessId(record.Pid), node);
        }
    }
}
