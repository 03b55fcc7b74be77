using Dapper;
using Orleans.DOS.Catalog;
using Orleans.DOS.Nodes;
using Orleans.Serialization;

namespace Orleans.DOS.Jobs;

/// <summary>What a coordinator's row says of its tasks: runs begun again, and runs under way, which a next coordinator begins again.</summary>
internal readonly record struct JobProgress(JobState State, int Retried, int Running);

/// <summary>
/// The tables dos_jobs and dos_job_tasks. Stored records are a byte of format version and the record in Orleans' serialisation, which
/// tolerates members added later. Whatever a coordinator writes is conditional on its epoch.
/// </summary>
internal sealed class JobJournal(ICatalog catalog, Serializer serializer, TimeProvider time)
{
    private const byte FormatVersion = 1;
    /// <summary>Rows of one statement: few different texts, and fewer parameters than either database allows.</summary>
    private static readonly int[] RowsAtOnce = [256, 32, 4, 1];

    public Task<JobRow?> FindAsync(JobId job) => catalog.ReadAsync(session =>
        session.QueryFirstAsync<JobRow>($"SELECT {JobRow.Columns} FROM dos_jobs WHERE job_id = @job", new { job = job.Value }));

    public byte[] Encode<T>(T value)
    {
        var body = serializer.SerializeToArray(value);
        return [FormatVersion, .. body];
    }

    public T Decode<T>(byte[] stored) => stored.Length > 0 && stored[0] == FormatVersion
        ? serializer.Deserialize<T>(stored.AsMemory(1))
        : throw new DosException(DosErrorCode.NotSupported, $"the stored {typeof(T).Name} has a format that this release does not know");

    public async Task<IReadOnlyList<TaskReport>> LoadAsync(JobId job)
    {
        var reports = await catalog.ReadAsync(session => session.QueryAsync<byte[]>(
            "SELECT report FROM dos_job_tasks WHERE job_id = @job ORDER BY task", new { job = job.Value }));
        return [.. reports.Select(Decode<TaskReport>)];
    }

    public Task SavePlanAsync(JobId job, long epoch, JobPlan plan) => WriteAsync(job, epoch, session => session.ExecuteAsync(
        "UPDATE dos_jobs SET plan = @plan, state = @state WHERE job_id = @job",
        new { plan = Encode(plan), state = (long)JobState.Mapping, job = job.Value }));

    /// <summary>Makes results count: one transaction for all that came together.</summary>
    public Task AcceptAsync(JobId job, long epoch, IReadOnlyList<(NodeId Node, TaskReport Report, TaskLayer Layer)> accepted, JobProgress progress) =>
        WriteAsync(job, epoch, async session =>
        {
            for (var done = 0; done < accepted.Count;)
            {
                var rows = RowsAtOnce.First(rows => rows <= accepted.Count - done);
                await session.ExecuteAsync(InsertText(rows), InsertParameters(job, accepted.Skip(done).Take(rows)));
                done += rows;
            }
            return await session.ExecuteAsync(
                "UPDATE dos_jobs SET state = @state, retried = @retried, running = @running WHERE job_id = @job",
                new { state = (long)progress.State, retried = (long)progress.Retried, running = (long)progress.Running, job = job.Value });
        });

    public Task EndAsync(JobId job, long epoch, JobState state, string? reason, int retried, long bytesLocal) => WriteAsync(job, epoch, session => session.ExecuteAsync(
        "UPDATE dos_jobs SET state = @state, reason = @reason, retried = @retried, bytes_local = @bytesLocal, running = 0, ended_at = @now WHERE job_id = @job",
        new { state = (long)state, reason, retried = (long)retried, bytesLocal, now = Now(), job = job.Value }));

    /// <summary>Jobs that nobody has finished yet.</summary>
    public Task<IReadOnlyList<JobRow>> UnfinishedAsync(int limit) => catalog.ReadAsync(session => session.QueryAsync<JobRow>(
        $"SELECT {JobRow.Columns} FROM dos_jobs WHERE state < @ended ORDER BY state, job_id LIMIT @limit", new { ended = (long)JobState.Succeeded, limit }));

    /// <summary>Forgets some jobs that ended before the retention.</summary>
    public Task<int> SweepAsync(int limit) => catalog.WriteAsync(async session =>
    {
        var old = await session.QueryAsync<long>(
            "SELECT job_id FROM dos_jobs WHERE state >= @ended AND ended_at < @before ORDER BY state, job_id LIMIT @limit",
            new { ended = (long)JobState.Succeeded, before = Now() - (long)Limits.FinishedJobRetention.TotalMicroseconds, limit });
        foreach (var job in old)
        {
            await session.ExecuteAsync("DELETE FROM dos_job_tasks WHERE job_id = @job", new { job });
            await session.ExecuteAsync("DELETE FROM dos_owners WHERE object = @target", new { target = ObjectId.Job(new JobId(job)).ToString() });
            await session.ExecuteAsync("DELETE FROM dos_jobs WHERE job_id = @job", new { job });
        }
        return old.Count;
    });

    /// <summary>The last thing that is done under an epoch.</summary>
    public Task ResignAsync(JobId job, long epoch) => catalog.WriteAsync(session => Ownership.ResignAsync(session, ObjectId.Job(job), epoch));

    private static string InsertText(int rows) =>
        "INSERT INTO dos_job_tasks(job_id, task, attempt, kind, node_id, report, done_at) VALUES "
        + string.Join(", ", Enumerable.Range(0, rows).Select(row => $"(@job, @task{row}, @attempt{row}, @kind{row}, @node{row}, @report{row}, @now)"))
        + " ON CONFLICT (job_id, task) DO UPDATE SET attempt = excluded.attempt, node_id = excluded.node_id, report = excluded.report, done_at = excluded.done_at "
        + "WHERE excluded.attempt <> dos_job_tasks.attempt";

    private DynamicParameters InsertParameters(JobId job, IEnumerable<(NodeId Node, TaskReport Report, TaskLayer Layer)> accepted)
    {
        var parameters = new DynamicParameters();
        parameters.Add("job", job.Value);
        parameters.Add("now", Now());
        foreach (var (row, (node, report, layer)) in accepted.Index())
        {
            parameters.Add($"task{row}", (long)report.Task);
            parameters.Add($"attempt{row}", (long)report.Attempt);
            parameters.Add($"kind{row}", (long)layer);
            parameters.Add($"node{row}", node.Value);
            parameters.Add($"report{row}", Encode(report));
        }
        return parameters;
    }

    private Task WriteAsync(JobId job, long epoch, Func<ICatalogSession, Task<int>> work) => catalog.WriteAsync(async session =>
    {
        await session.RequireEpochAsync(ObjectId.Job(job), epoch);
        return await work(session);
    });

    private long Now() => CatalogTime.From(time.GetUtcNow());
}
