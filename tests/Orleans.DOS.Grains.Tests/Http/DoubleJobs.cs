using System.Runtime.CompilerServices;
using System.Text;
using Orleans.DOS.Files;
using Orleans.DOS.Jobs;

namespace Orleans.DOS.Tests.Http;

/// <summary>Counts words when it is submitted, and tells of it in two steps.</summary>
internal sealed class DoubleJobs(IFiles files) : IJobs
{
    private readonly List<JobStatus> _jobs = [];
    private readonly TaskCompletionSource _watched = new(TaskCreationOptions.RunContinuationsAsynchronously);

    public async Task<JobStatus> SubmitAsync(JobSpec spec, CancellationToken cancellationToken = default)
    {
        JobSpecRules.Check(spec);
        var text = Encoding.UTF8.GetString(await files.ReadAllBytesAsync(spec.Inputs[0], cancellationToken));
        var counts = text.Split([' ', '\n'], StringSplitOptions.RemoveEmptyEntries).GroupBy(static word => word).OrderBy(static words => words.Key, StringComparer.Ordinal);
        await files.MakeDirectoryAsync(spec.Output!, cancellationToken: cancellationToken);
        var part = spec.Output + "/part-00000";
        await files.PutSmallAsync(part, Encoding.UTF8.GetBytes(string.Concat(counts.Select(static words => $"{words.Key}\t{words.Count()}\n"))), cancellationToken: cancellationToken);
        var status = new JobStatus { Id = new JobId(_jobs.Count + 1), Program = spec.Program, State = JobState.Succeeded, Output = spec.Output!, Results = [part], Owner = "admin", Tasks = (int)spec.RangeBytes };
        _jobs.Add(status);
        return status;
    }

    /// <summary>Completes when a job that does not end is watched.</summary>
    public Task Watched => _watched.Task;

    public JobId AddEndless()
    {
        _jobs.Add(new JobStatus { Id = new JobId(_jobs.Count + 1), Program = "sleep", State = JobState.Mapping, Output = "/none", Owner = "admin" });
        return _jobs[^1].Id;
    }

    public Task<JobStatus> StatusAsync(JobId job, CancellationToken cancellationToken = default) => Task.FromResult(Find(job));

    public Task<Page<JobStatus>> ListAsync(string? after = null, int limit = Limits.PageEntriesMax, CancellationToken cancellationToken = default) =>
        Task.FromResult(new Page<JobStatus>([.. _jobs], null));

    public Task CancelAsync(JobId job, CancellationToken cancellationToken = default) => Task.FromResult(Find(job));

    public async IAsyncEnumerable<JobStatus> WatchAsync(JobId job, [EnumeratorCancellation] CancellationToken cancellationToken = default)
    {
        var status = Find(job);
        if (!status.HasEnded)
        {
            yield return status;
            _watched.TrySetResult();
            await Task.Delay(Timeout.Infinite, cancellationToken); // tidy: ends with the call
        }
        await Task.Yield();
        yield return status with { State = JobState.Mapping };
        yield return status;
    }

    private JobStatus Find(JobId job) => _jobs.FirstOrDefault(status => status.Id == job) ?? throw new DosException(DosErrorCode.NoSuchJob, $"there is no job {job}");
}
