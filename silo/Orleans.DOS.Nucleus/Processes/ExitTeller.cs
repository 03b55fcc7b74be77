using System.Threading.Channels;
using Microsoft.Extensions.Hosting;
using Microsoft.Extensions.Logging;
using Orleans.DOS.Nodes;

namespace Orleans.DOS.Processes;

/// <summary>
/// Brings ends into the process table, again and again until it has answered. What no policy starts again goes to the table itself, all
/// that has ended meanwhile in one call; the rest, and what the table does not take (the row has changed), to the process' own door, which
/// decides by the row.
/// </summary>
public sealed partial class ExitTeller(ProgramHost host, IGrainFactory grains, INodeView nodes, ILogger<ExitTeller> log) : BackgroundService
{
    private static readonly TimeSpan RetryDelay = TimeSpan.FromSeconds(1);
    /// <summary>A node that leaves waits so long for the ends of its last moments to be told.</summary>
    private static readonly TimeSpan DrainMax = TimeSpan.FromSeconds(1);
    /// <summary>Calls to the table at once: while one waits for its commit, the next hands in what the commit after it takes.</summary>
    private const int TableCallsMax = 2;
    /// <summary>Ends in one such call.</summary>
    private const int EndsPerCallMax = 256;
    /// <summary>Calls to doors at once: no storm of them fills the catalog's queue.</summary>
    private const int DoorCallsMax = 16;

    private readonly Channel<Ended> _last = Channel.CreateUnbounded<Ended>();
    private readonly Channel<Ended> _forDoors = Channel.CreateUnbounded<Ended>();
    private Task _tellingTable = Task.CompletedTask;
    private Task _tellingDoors = Task.CompletedTask;

    public override Task StartAsync(CancellationToken cancellationToken)
    {
        host.Ended += Add;
        return base.StartAsync(cancellationToken);
    }

    /// <summary>What has ended before is told first, if that takes no longer than it may: untold, it would be called lost with the node.</summary>
    public override async Task StopAsync(CancellationToken cancellationToken)
    {
        host.Ended -= Add;
        using var patience = CancellationTokenSource.CreateLinkedTokenSource(cancellationToken);
        patience.CancelAfter(DrainMax);
        // The table first: what it does not take goes to the doors.
        _last.Writer.TryComplete();
        await _tellingTable.WaitAsync(patience.Token).ConfigureAwait(ConfigureAwaitOptions.SuppressThrowing);
        _forDoors.Writer.TryComplete();
        await _tellingDoors.WaitAsync(patience.Token).ConfigureAwait(ConfigureAwaitOptions.SuppressThrowing);
        await base.StopAsync(cancellationToken);
    }

    protected override Task ExecuteAsync(CancellationToken stoppingToken)
    {
        _tellingTable = Task.WhenAll(Enumerable.Range(0, TableCallsMax).Select(_ => UntilStoppedAsync(TellTableAsync, stoppingToken)));
        _tellingDoors = Task.WhenAll(Enumerable.Range(0, DoorCallsMax).Select(_ => UntilStoppedAsync(TellDoorsAsync, stoppingToken)));
        return Task.WhenAll(_tellingTable, _tellingDoors);
    }

    private void Add(ProcessStart start, ProcessExit exit) =>
        (start.Spec.Restart == RestartPolicy.Never ? _last : _forDoors).Writer.TryWrite(new Ended(start, exit));

    private static async Task UntilStoppedAsync(Func<CancellationToken, Task> tell, CancellationToken stopping)
    {
        try
        {
            await tell(stopping);
        }
        catch (OperationCanceledException) when (stopping.IsCancellationRequested)
        {
            // The node stops; the warden ends what it leaves behind.
        }
    }

    private async Task TellTableAsync(CancellationToken stopping)
    {
        var batch = new List<Ended>();
        while (await _last.Reader.WaitToReadAsync(stopping))
        {
            while (batch.Count < EndsPerCallMax && _last.Reader.TryRead(out var ended))
            {
                batch.Add(ended);
            }
            foreach (var machine in batch.GroupBy(ended => ended.Start.Machine))
            {
                await TellTableAsync(machine.Key, [.. machine], stopping);
            }
            batch.Clear();
        }
    }

    private async Task TellTableAsync(MachineId machine, IReadOnlyList<Ended> batch, CancellationToken stopping)
    {
        var table = grains.GetGrain<IProcessTableDoor>(GrainKeys.Machine(machine));
        ProcessEnd[] ends = [.. batch.Select(ended => new ProcessEnd(ended.Start.Pid, ended.Start.Incarnation, ended.Exit))];
        var stands = await UntilAnsweredAsync(() => table.EndedAsync(nodes.Self, ends), batch[0].Start.Pid, stopping);
        for (var index = 0; index < batch.Count; index++)
        {
            if (stands[index])
            {
                host.Told(batch[index].Start, isLast: true);
            }
            else
            {
                _forDoors.Writer.TryWrite(batch[index]);
            }
        }
    }

    private async Task TellDoorsAsync(CancellationToken stopping)
    {
        await foreach (var (start, exit) in _forDoors.Reader.ReadAllAsync(stopping))
        {
            var door = grains.GetGrain<IProcessDoor>(GrainKeys.Process(start.Machine, start.Pid));
            await UntilAnsweredAsync(
                async () =>
                {
                    await door.ExitedAsync(nodes.Self, start.Incarnation, exit);
                    return true;
                },
                start.Pid, stopping);
            host.Told(start, isLast: false);
        }
    }

    private async Task<T> UntilAnsweredAsync<T>(Func<Task<T>> tell, ProcessId first, CancellationToken stopping)
    {
        while (true)
        {
            try
            {
                return await tell();
            }
            // Whatever the reason is, the end must reach the table; nothing else would bring it there while this node lives.
            catch (Exception failure) when (!stopping.IsCancellationRequested)
            {
                LogNotTold(log, failure, first);
                await Task.Delay(RetryDelay, stopping);
            }
        }
    }

    private sealed record Ended(ProcessStart Start, ProcessExit Exit);
}
