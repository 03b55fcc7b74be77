using System.Runtime.CompilerServices;
using Orleans.DOS.Jobs;

namespace Orleans.DOS.Client.Cluster;

internal sealed class ClusterJobs(ClusterCaller caller) : IJobs
{
    private IJobTableGrain Table => caller.Grains.GetGrain<IJobTableGrain>(GrainKeys.Machine(caller.Machine));

    private IJobGrain Job(JobId job) => caller.Grains.GetGrain<IJobGrain>(GrainKeys.Job(caller.Machine, job));

    public Task<JobStatus> SubmitAsync(JobSpec spec, CancellationToken cancellationToken = default)
    {
        ArgumentNullException.ThrowIfNull(spec);
        return caller.ChangeAsync(context => Table.SubmitAsync(context, spec), cancellationToken);
    }

    public Task<JobStatus> StatusAsync(JobId job, CancellationToken cancellationToken = default) =>
        caller.ReadAsync(context => Job(job).StatusAsync(context), cancellationToken);

    public Task<Page<JobStatus>> ListAsync(string? after = null, int limit = Limits.PageEntriesMax, CancellationToken cancellationToken = default) =>
        caller.ReadAsync(context => Table.ListAsync(context, after, Arguments.PageLimit(limit)), cancellationToken);

    public Task CancelAsync(JobId job, CancellationToken cancellationToken = default) =>
        caller.ChangeAsync(context => Job(job).CancelAsync(context), cancellationToken);

    public async IAsyncEnumerable<JobStatus> WatchAsync(JobId job, [EnumeratorCancellation] CancellationToken cancellationToken = default)
    {
        var patience = new Patience(caller.Time, CallBudget.Patience);
        JobStatus? known = null;
        while (known is not { HasEnded: true })
        {
            var newer = await PollAsync(job, known, patience, cancellationToken).ConfigureAwait(false);
            if (newer is not null && (known is null || newer.HasEnded || !Same(newer, known)))
            {
                yield return newer;
            }
            known = newer ?? known;
        }
    }

    private async Task<JobStatus?> PollAsync(JobId job, JobStatus? known, Patience patience, CancellationToken cancellationToken)
    {
        try
        {
            var status = await caller.PollAsync(context => Job(job).WatchAsync(context, known), cancellationToken).ConfigureAwait(false);
            patience.Heard();
            return status;
        }
        catch (DosException exception) when (patience.Bears(exception))
        {
            await Task.Delay(CallBudget.Pause, caller.Time, cancellationToken).ConfigureAwait(false);
            return null;
        }
    }

    // Records compare lists by reference, and an answer over the wire has new ones.
    private static bool Same(JobStatus one, JobStatus other) =>
        one.State == other.State && one.TasksRunning == other.TasksRunning && one.TasksDone == other.TasksDone
        && one.TasksRetried == other.TasksRetried && one.BytesDone == other.BytesDone && one.Tasks == other.Tasks
        && one.Coordinator == other.Coordinator;
}
