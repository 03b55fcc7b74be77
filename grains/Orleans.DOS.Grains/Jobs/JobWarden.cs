using Microsoft.Extensions.Logging;
using Orleans.DOS.Nodes;
using Orleans.DOS.Security;
using Orleans.Runtime;

namespace Orleans.DOS.Jobs;

/// <summary>
/// Wakes the coordinators of unfinished jobs: on the Active node with the lowest id, every two seconds and when a node comes or goes. A coordinator that lives answers from
/// memory; one whose node died is activated elsewhere and resumes from the journal. Also forgets jobs past their retention.
/// </summary>
internal sealed partial class JobWarden(JobJournal journal, INodeView view, IGrainFactory grains, TimeProvider time, ILogger<JobWarden> log)
    : ILifecycleParticipant<ISiloLifecycle>
{
    private const int JobsWokenMax = 1000;
    private const int JobsSweptMax = 100;
    /// <summary>Pages of one sweep: more jobs than a cluster ends between two, and yet a bound.</summary>
    private const int SweepPagesMax = 1000;
    private static readonly TimeSpan Interval = TimeSpan.FromSeconds(2);
    private static readonly TimeSpan SweepInterval = TimeSpan.FromMinutes(10);
    private readonly CancellationTokenSource _stopping = new();
    private readonly long _sender = Random.Shared.NextInt64();
    private Task _watching = Task.CompletedTask;
    private long _number;
    private DateTimeOffset _nextSweep;

    public void Participate(ISiloLifecycle lifecycle) => lifecycle.Subscribe(nameof(JobWarden), ServiceLifecycleStage.Active, Start, Stop);

    private Task Start(CancellationToken cancellationToken)
    {
        _nextSweep = time.GetUtcNow() + SweepInterval;
        _watching = WatchAsync(_stopping.Token);
        return Task.CompletedTask;
    }

    private async Task Stop(CancellationToken cancellationToken)
    {
        await _stopping.CancelAsync();
        await _watching;
    }

    private async Task WatchAsync(CancellationToken cancellationToken)
    {
        try
        {
            while (true)
            {
                await Task.WhenAny(view.NextChange, Task.Delay(Interval, time, cancellationToken));
                cancellationToken.ThrowIfCancellationRequested();
                if (view.Active.Count > 0 && view.Active[0] == view.Self)
                {
                    await WatchOnceAsync();
                }
            }
        }
        catch (OperationCanceledException)
        {
        }
    }

    private async Task WatchOnceAsync()
    {
        try
        {
            var jobs = await journal.UnfinishedAsync(JobsWokenMax);
            await Task.WhenAll(jobs.Select(WakeAsync));
            if (time.GetUtcNow() >= _nextSweep)
            {
                _nextSweep = time.GetUtcNow() + SweepInterval;
                await SweepAsync();
            }
        }
        // The next tick tries again; a warden that ended would leave jobs without a coordinator for ever.
        catch (Exception failure)
        {
            LogCannotWatch(failure);
        }
    }

    /// <summary>Forgets all jobs past their retention, a page a transaction.</summary>
    internal async Task SweepAsync()
    {
        for (var page = 0; page < SweepPagesMax && !_stopping.IsCancellationRequested && await journal.SweepAsync(JobsSweptMax) == JobsSweptMax; page++)
        {
        }
    }

    private async Task WakeAsync(JobRow job)
    {
        var context = new CallContext
        {
            Machine = new MachineId(job.MachineId), Principal = Principal.Admin, Request = new RequestId(_sender, Interlocked.Increment(ref _number)),
        };
        try
        {
            await grains.GetGrain<IJobGrain>(GrainKeys.Job(context.Machine, new JobId(job.JobId))).StatusAsync(context);
        }
        catch (Exception failure)
        {
            LogCannotWake(job.JobId, failure);
        }
    }
}
