using Orleans.Concurrency;
using Orleans.DOS.Catalog;
using Orleans.DOS.Files;
using Orleans.DOS.Security;

namespace Orleans.DOS.Jobs;

/// <summary>
/// The jobs of one machine. Submitting is: check, one insert (with the request's answer), then wake the coordinator, which plans. If this
/// node dies between, <see cref="JobWarden"/> wakes it.
/// </summary>
/// <remarks>Reentrant: holds no state, so calls may interleave like those of two activations.</remarks>
[GrainType("dos.jobs"), StatelessWorker, Reentrant]
internal sealed class JobTableGrain(ICatalog catalog, JobJournal journal, IJobPrograms programs, TimeProvider time) : Grain, IJobTableGrain
{
    public async Task<JobStatus> SubmitAsync(CallContext context, JobSpec spec)
    {
        JobSpecRules.Check(spec);
        RequestTable.CheckRequest(context);
        programs.Check(spec.Program, spec.Parameters);
        if (spec.Split == JobSplit.ByProgram)
        {
            programs.CountTasks(spec.Program, spec.Parameters);
        }
        var hash = unchecked((long)Partitioner.Hash(System.Text.Json.JsonSerializer.SerializeToUtf8Bytes(spec)));
        var (found, known) = await catalog.ReadAsync(session => session.FindAnswerAsync<long>(context, hash));
        var job = found ? new JobId(known) : await InsertAsync(context, spec, hash);
        return await GrainFactory.GetGrain<IJobGrain>(GrainKeys.Job(context.Machine, job)).StatusAsync(context);
    }

    public async Task<Page<JobStatus>> ListAsync(CallContext context, string? after, int limit)
    {
        if (limit <= 0)
        {
            throw new DosException(DosErrorCode.InvalidArgument, $"the limit {limit} of a listing is not positive");
        }
        var place = ListingPlace.Parse(after);
        limit = Math.Min(limit, Limits.PageEntriesMax);
        var rows = await JobRow.ListAsync(catalog, context.Machine, place, limit + 1);
        var page = rows.Take(limit).Select(row => JobStatuses.Of(row, row.Plan is null ? null : journal.Decode<JobPlan>(row.Plan))).ToArray();
        return new Page<JobStatus>(page, rows.Count > limit ? new ListingPlace(rows[limit - 1].CreatedAt, rows[limit - 1].JobId).ToString() : null);
    }

    private async Task<JobId> InsertAsync(CallContext context, JobSpec spec, long hash)
    {
        catalog.RequireRoom();
        var files = new JobFiles(GrainFactory, context.Machine, context.Principal, Random.Shared.NextInt64());
        // Read again by the coordinator; here only so that a bad path is told at once.
        await files.ExpandAsync(spec.Inputs);
        if (spec.Output is not null)
        {
            await files.CheckOutputAsync(spec.Output);
        }
        var job = new JobId(await catalog.NextIdAsync("job"));
        // Without '.' and empty names, so that one place is one text.
        var output = spec.Output is null ? JobFiles.HomeOf(job) : "/" + string.Join('/', DosPath.Parse(spec.Output).Names);
        var now = CatalogTime.From(time.GetUtcNow());
        var stored = journal.Encode(spec);
        return await catalog.WriteAsync(async session =>
        {
            await LockSubmissionsAsync(session, context.Machine);
            // A repeat that has overtaken this call is answered, not refused for what it has itself begun.
            if (await session.FindAnswerAsync<long>(context, hash) is (true, var repeated))
            {
                return new JobId(repeated);
            }
            await RequireUnusedAsync(session, context.Machine, output);
            await session.ExecuteAsync(
                "INSERT INTO dos_jobs(job_id, machine_id, state, program, spec, owner, uid, gid, output, created_at) "
                + "VALUES (@job, @machine, @state, @program, @spec, @owner, @uid, @gid, @output, @now)",
                new
                {
                    job = job.Value, machine = context.Machine.Value, state = (long)JobState.Planning, program = spec.Program, spec = stored,
                    owner = context.Principal.Name, uid = (long)context.Principal.UserId, gid = (long)context.Principal.GroupId, output, now,
                });
            session.RecordAnswer(context, hash, job.Value, now);
            return job;
        });
    }

    /// <summary>Two submissions at once would each find the other's place free; SQLite's writer is alone anyway.</summary>
    private static Task LockSubmissionsAsync(ICatalogSession session, MachineId machine) =>
        session.QueryFirstAsync<long>($"SELECT machine_id FROM dos_machines WHERE machine_id = @machine {session.Dialect.ForUpdate}", new { machine = machine.Value });

    /// <summary>Two jobs that put their results into one place would each replace the other's.</summary>
    private static async Task RequireUnusedAsync(ICatalogSession session, MachineId machine, string output)
    {
        var users = await session.QueryAsync<long>(
            "SELECT job_id FROM dos_jobs WHERE machine_id = @machine AND output = @output AND state < @ended LIMIT 1",
            new { machine = machine.Value, output, ended = (long)JobState.Succeeded });
        if (users is [var user])
        {
            throw new DosException(DosErrorCode.InUse, $"job {user}, which has not ended, puts its results into {DosPath.Shown(output)}");
        }
    }
}
