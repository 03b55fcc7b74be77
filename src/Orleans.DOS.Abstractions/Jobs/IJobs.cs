using Orleans.Concurrency;
using Orleans.DOS.Security;

namespace Orleans.DOS.Jobs;

/// <summary>Work split into tasks, run by workers on many nodes, its results collected.</summary>
public interface IJobs
{
    Task<JobStatus> SubmitAsync(JobSpec spec, CancellationToken cancellationToken = default);
    Task<JobStatus> StatusAsync(JobId job, CancellationToken cancellationToken = default);
    /// <summary>Newest first, as created.</summary>
    Task<Page<JobStatus>> ListAsync(string? after = null, int limit = Limits.PageEntriesMax, CancellationToken cancellationToken = default);
    Task CancelAsync(JobId job, CancellationToken cancellationToken = default);
    /// <summary>The status whenever it changes (at most a few times a second), the last one when the job has ended.</summary>
    IAsyncEnumerable<JobStatus> WatchAsync(JobId job, CancellationToken cancellationToken = default);
}

[Alias("dos.IJobTableGrain")]
public interface IJobTableGrain : IGrainWithStringKey
{
    [Alias("Submit")] Task<JobStatus> SubmitAsync(CallContext context, JobSpec spec);
    [Alias("List"), ReadOnly] Task<Page<JobStatus>> ListAsync(CallContext context, string? after, int limit);
}

/// <summary>The coordinator of one job (key: <see cref="GrainKeys.Job"/>); resumes from the job's journal in the catalog.</summary>
[Alias("dos.IJobGrain")]
public interface IJobGrain : IGrainWithStringKey
{
    [Alias("Status"), AlwaysInterleave] Task<JobStatus> StatusAsync(CallContext context);
    /// <summary>Long poll: answers when the status is newer than <paramref name="known"/>, or after <see cref="Limits.LongPollMax"/>.</summary>
    [Alias("Watch"), AlwaysInterleave] Task<JobStatus> WatchAsync(CallContext context, JobStatus? known);
    [Alias("Cancel"), AlwaysInterleave] Task CancelAsync(CallContext context);
}
