using Microsoft.Extensions.Hosting;
using Microsoft.Extensions.Logging;
using Orleans.DOS.Nodes;

namespace Orleans.DOS.Server.Nodes;

/// <summary>Tells the node table of this node every second and lays the answer, all nodes' reports, where grains find it.</summary>
internal sealed partial class NodeReporter(
    ICapacityMeter meter, IGrainFactory grains, NodeView view, TimeProvider time, ILogger<NodeReporter> log) : BackgroundService
{
    private static readonly TimeSpan Period = TimeSpan.FromSeconds(1);

    protected override async Task ExecuteAsync(CancellationToken stoppingToken)
    {
        using var timer = new PeriodicTimer(Period, time);
        var told = false;
        do
        {
            try
            {
                var table = grains.GetGrain<INodeTableGrain>(GrainKeys.Cluster("nodes"));
                view.Reported(await table.ReportAsync(NodeCalls.Context(view), meter.Measure()));
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
