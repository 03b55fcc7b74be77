using Orleans.DOS.Catalog;

namespace Orleans.DOS.Processes;

internal static class ProcessRows
{
    /// <summary>A row as a test wants it, without the request that would have made it.</summary>
    public static Task<int> InsertAsync(this ICatalogSession session, ProcessRecord record) => session.ExecuteAsync(
        "INSERT INTO dos_processes(pid, machine_id, incarnation, state, exit_code, reason, node_id, node_incarnation, program, spec, owner, uid, gid, "
        + "restart, restarts, asked_to_end, parent_pid, created_at, started_at, ended_at) VALUES (@Pid, @MachineId, @Incarnation, @State, @ExitCode, @Reason, @NodeId, "
        + "@NodeIncarnation, @Program, @Spec, @Owner, @UserId, @GroupId, @Restart, @Restarts, @AskedToEnd, @ParentPid, @CreatedAt, @StartedAt, @EndedAt)",
        new
        {
            record.Pid, record.MachineId, record.Incarnation, record.State, record.ExitCode, record.Reason, record.NodeId, record.NodeIncarnation,
            record.Program, record.Spec, record.Owner, record.UserId, record.GroupId, record.Restart, record.Restarts, record.AskedToEnd, record.ParentPid,
            record.CreatedAt, record.StartedAt, record.EndedAt,
        });
}
