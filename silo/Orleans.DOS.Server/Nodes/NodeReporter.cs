using Microsoft.Extensions.Hosting;
using Microsoft.Extensions.Logging;
using Orleans.DOS.Nodes;
using Orleans.DOS.Processes;

namespace Orleans.DOS.Server.Nodes;

/// <summary>
/// Tells the node table of this node every second and lays the answer, all nodes' reports, where grains find it. Before anything of the node
/// stops it is told as Leaving, so that nothing is begun on it any more.
/// </summary>
internal sealed partial class NodeReporter(
    ICapacityMeter meter, ProgramHost programs, IGrainFactory grains, NodeView view, TimeProvider time, ILogger<NodeReporter> log) : BackgroundService, IHostedLifecycleService
{
    private static readonly TimeSpan Period = TimeSpan.FromSeconds(1);

    /// <summary>What leaving may cost when the table does not answer.</summary>
    private static readonly TimeSpan LeaveMax = TimeSpan.FromMilliseconds(500);

    private volatile bool _isLeaving;
    private volatile NodeStatus? _measured;

    public Task StartingAsync(CancellationToken cancellationToken) => Task.CompletedTask;

    public Task StartedAsync(CancellationToken cancellationToken) => Task.CompletedTask;

    public async Task StoppingAsync(CancellationToken cancellationToken)
    {
        _isLeaving = true;
        programs.Leave();
        // Not measured anew: the meter takes one caller at a time.
        if (_measured is { } report)
        {
            await ReportAsync(report).WaitAsync(LeaveMax, time, cancellationToken).ConfigureAwait(ConfigureAwaitOptions.SuppressThrowing);
        }
    }

    public Task StoppedAsync(CancellationToken cancellationToken) => Task.CompletedTask;

    protected override async Task ExecuteAsync(CancellationToken stoppingToken)
    {
        using var timer = new PeriodicTimer(Period, time);
        var told = false;
        do
        {
            try
            {
                await ReportAsync(_measured = meter.Measure());
                told = true;
            }
            // Also a cancellation that is not ours: Orleans hands on that of an activation, and what escapes here ends the node.
            catch (Exception failure)
            {
                // The next second tries again; only the first failure of a row is worth a line.
                if (told && !stoppingToken.IsCancellationRequested)
                {
                    NotReported(failure.Message);
                }
                told = false;
            }
        }
        while (await NextAsync(timer, stoppingToken));
    }

    private async Task ReportAsync(NodeStatus report)
    {
        var table = grains.GetGrain<INodeTableGrain>(GrainKeys.Cluster("nodes"));
        view.Reported(await table.ReportAsync(NodeCalls.Context(view), _isLeaving ? report with { State = NodeState.Leaving } : report));
    }

    private static async Task<bool> NextAsync(PeriodicTimer timer, CancellationToken stoppingToken)
    {
        try
        {
            return await timer.WaitForNextTickAsync(stoppingToken);
        }
        catch (OperationCanceledException)
        {
            return false;
        }
    }
}
