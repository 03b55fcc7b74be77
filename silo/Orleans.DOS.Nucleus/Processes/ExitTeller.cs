using System.Threading.Channels;
using Microsoft.Extensions.Hosting;
using Microsoft.Extensions.Logging;
using Orleans.DOS.Nodes;

namespace Orleans.DOS.Processes;

/// <summary>Tells the doors of processes of their ends, again and again until each has answered: it commits the end to the table.</summary>
public sealed partial class ExitTeller(ProgramHost host, IGrainFactory grains, INodeView nodes, ILogger<ExitTeller> log) : BackgroundService
{
    private static readonly TimeSpan RetryDelay = TimeSpan.FromSeconds(1);
    /// <summary>Ends told at once: they share group commits, and no storm of them fills the catalog's queue.</summary>
    private const int TellersMax = 16;

    private readonly Channel<(ProcessStart Start, ProcessExit Exit)> _ends = Channel.CreateUnbounded<(ProcessStart, ProcessExit)>();

    public override Task StartAsync(CancellationToken cancellationToken)
    {
        host.Ended += Add;
        return base.StartAsync(cancellationToken);
    }

    public override Task StopAsync(CancellationToken cancellationToken)
    {
        host.Ended -= Add;
        return base.StopAsync(cancellationToken);
    }

    protected override Task ExecuteAsync(CancellationToken stoppingToken) =>
        Task.WhenAll(Enumerable.Range(0, TellersMax).Select(_ => TellAllAsync(stoppingToken)));

    private void Add(ProcessStart start, ProcessExit exit) => _ends.Writer.TryWrite((start, exit));

    private async Task TellAllAsync(CancellationToken stopping)
    {
        try
        {
            await foreach (var (start, exit) in _ends.Reader.ReadAllAsync(stopping))
            {
                await TellAsync(start, exit, stopping);
            }
        }
        catch (OperationCanceledException) when (stopping.IsCancellationRequested)
        {
            // The node stops; the warden ends what it leaves behind.
        }
    }

    private async Task TellAsync(ProcessStart start, ProcessExit exit, CancellationToken stopping)
    {
        while (true)
        {
            try
            {
                await grains.GetGrain<IProcessDoor>(GrainKeys.Process(start.Machine, start.Pid)).ExitedAsync(nodes.Self, start.Incarnation, exit);
                host.Told(start);
                return;
            }
            // Whatever the reason is, the end must reach the table; nothing else would bring it there while this node lives.
            catch (Exception failure) when (!stopping.IsCancellationRequested)
            {
                LogNotTold(log, failure, start.Pid);
                await Task.Delay(RetryDelay, stopping);
            }
        }
    }
}
