using Orleans.DOS.Catalog;

namespace Orleans.DOS.Jobs;

/// <summary>A row of dos_jobs.</summary>
internal sealed class JobRow
{
    public const string Columns =
        "job_id AS JobId, machine_id AS MachineId, state AS State, reason AS Reason, program AS Program, spec AS Spec, plan AS Plan, owner AS Owner, uid AS Uid, gid AS Gid, "
        + "output AS Output, retried AS Retried, running AS Running, bytes_local AS BytesLocal, created_at AS CreatedAt, ended_at AS EndedAt, "
        + "(SELECT m.name FROM dos_machines m WHERE m.machine_id = dos_jobs.machine_id) AS MachineName";

    public long JobId { get; set; }
    public long MachineId { get; set; }
    public string MachineName { get; set; } = "";
    public long State { get; set; }
    public string? Reason { get; set; }
    public string Program { get; set; } = "";
    public byte[] Spec { get; set; } = [];
    public byte[]? Plan { get; set; }
    public string Owner { get; set; } = "";
    public long Uid { get; set; }
    public long Gid { get; set; }
    public string Output { get; set; } = "";
    public long Retried { get; set; }
    public long Running { get; set; }
    /// <summary>Once it has ended.</summary>
    public long BytesLocal { get; set; }
    public long CreatedAt { get; set; }
    public long? EndedAt { get; set; }
    /// <summary>Rows of the journal, where the query counts them.</summary>
    public long Done { get; set; }

    public JobState JobState => (JobState)State;
    public bool HasEnded => JobState is JobState.Succeeded or JobState.Failed or JobState.Cancelled;
    /// <summary>Newest first.</summary>
    public static Task<IReadOnlyList<JobRow>> ListAsync(ICatalog catalog, MachineId machine, ListingPlace after, int limit) =>
        catalog.ReadAsync(session => session.QueryAsync<JobRow>(
            $"SELECT {Columns}, (SELECT COUNT(*) FROM dos_job_tasks t WHERE t.job_id = dos_jobs.job_id) AS Done "
            + "FROM dos_jobs WHERE machine_id = @machine AND (created_at, job_id) < (@at, @id) ORDER BY created_at DESC, job_id DESC LIMIT @limit",
            new { machine = machine.Value, at = after.CreatedAt, id = after.Id, limit }));

    public Security.Principal Principal => new(Owner, (int)Uid, (int)Gid);
}
