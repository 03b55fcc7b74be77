using System.Runtime.CompilerServices;
using System.Text;
using Orleans.DOS.Jobs;
using Orleans.DOS.Machines;

namespace Orleans.DOS.Client.Http;

internal sealed class HttpJobs(HttpCaller caller, string root) : IJobs
{
    public Task<JobStatus> SubmitAsync(JobSpec spec, CancellationToken cancellationToken = default)
    {
        ArgumentNullException.ThrowIfNull(spec);
        return caller.JsonAsync(HttpCall.PostJson(root, spec, DosJson.Default.JobSpec), DosJson.Default.JobStatus, cancellationToken);
    }

    public Task<JobStatus> StatusAsync(JobId job, CancellationToken cancellationToken = default) =>
        caller.JsonAsync(HttpCall.Get(Of(job)), DosJson.Default.JobStatus, cancellationToken);

    public Task<Page<JobStatus>> ListAsync(string? after = null, int limit = Limits.PageEntriesMax, CancellationToken cancellationToken = default) =>
        caller.JsonAsync(
            HttpCall.Get(new HttpQuery(root).Add("after", after).Add("limit", Arguments.PageLimit(limit)).ToString()), DosJson.Default.PageJobStatus, cancellationToken);

    public Task CancelAsync(JobId job, CancellationToken cancellationToken = default) =>
        caller.SendAsync(HttpCall.Delete(Of(job)), cancellationToken);

    /// <summary>One JSON object a line; the node sends an empty line each second, so that one that is frozen is noticed.</summary>
    public async IAsyncEnumerable<JobStatus> WatchAsync(JobId job, [EnumeratorCancellation] CancellationToken cancellationToken = default)
    {
        var patience = caller.NewPatience();
        string? last = null;
        while (true)
        {
            using var lines = await LinesAsync(job, patience, cancellationToken).ConfigureAwait(false);
            for (var first = true; lines is not null && await lines.NextAsync(cancellationToken).ConfigureAwait(false) is { } line; first = false)
            {
                // The first line only says again what is known: a connection that breaks behind it each time is no progress.
                if (!first || line != last)
                {
                    patience.Heard();
                }
                if (line.Length == 0 || line == last)
                {
                    continue;
                }
                last = line;
                var status = HttpFailures.Json(lines.Response, Encoding.UTF8.GetBytes(line), DosJson.Default.JobStatus);
                yield return status;
                if (status.HasEnded)
                {
                    yield break;
                }
            }
            if (!patience.Lasts)
            {
                throw new DosException(DosErrorCode.Unavailable, $"the nodes break off whenever they are asked about job {job}");
            }
            if (lines is not null)
            {
                caller.PassOn();
                await Task.Delay(CallBudget.Pause, caller.Time, cancellationToken).ConfigureAwait(false);
            }
        }
    }

    private async Task<HttpLines?> LinesAsync(JobId job, Patience patience, CancellationToken cancellationToken)
    {
        try
        {
            return new HttpLines(await caller.OpenStreamAsync(HttpCall.Get(Of(job) + "/watch"), cancellationToken).ConfigureAwait(false));
        }
        catch (DosException exception) when (patience.Bears(exception))
        {
            await Task.Delay(CallBudget.Pause, caller.Time, cancellationToken).ConfigureAwait(false);
            return null;
        }
    }

    private string Of(JobId job) => root + "/" + job;
}
