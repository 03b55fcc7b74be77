using Orleans.DOS.Catalog;

namespace Orleans.DOS.Processes;

/// <summary>The statements of the process table. Every change of a row is conditional on the row that the decision was made from.</summary>
internal static class ProcessStore
{
    private const string Columns =
        "p.pid AS Pid, p.machine_id AS MachineId, m.name AS MachineName, p.incarnation AS Incarnation, p.state AS State, p.exit_code AS ExitCode, "
        + "p.reason AS Reason, p.node_id AS NodeId, p.node_incarnation AS NodeIncarnation, p.program AS Program, p.spec AS Spec, p.owner AS Owner, "
        + "p.uid AS UserId, p.gid AS GroupId, p.restart AS Restart, p.restarts AS Restarts, p.asked_to_end AS AskedToEnd, p.parent_pid AS ParentPid, "
        + "p.created_at AS CreatedAt, p.started_at AS StartedAt, p.ended_at AS EndedAt FROM dos_processes p JOIN dos_machines m ON m.machine_id = p.machine_id ";

    /// <summary>States in which it acts on a node.</summary>
    private const string Acting = "p.state IN (2, 3)";

    public static Task<ProcessRecord?> FindAsync(this ICatalog catalog, long pid) =>
        catalog.ReadAsync(session => session.QueryFirstAsync<ProcessRecord>($"SELECT {Columns} WHERE p.pid = @pid", new { pid }));

    /// <summary>Newest first.</summary>
    public static Task<IReadOnlyList<ProcessRecord>> ListAsync(this ICatalog catalog, MachineId machine, bool all, ListingPlace after, int limit)
    {
        // The plus keeps the database from walking in order of creation over all that has ended: the few that live are found by state and sorted.
        var (living, created) = all ? ("", "p.created_at") : ("AND p.state IN (1, 2, 3)", "+p.created_at");
        return catalog.ReadAsync(session => session.QueryAsync<ProcessRecord>(
            $"SELECT {Columns} WHERE p.machine_id = @machine AND ({created}, p.pid) < (@at, @id) {living} ORDER BY {created} DESC, p.pid DESC LIMIT @limit",
            new { machine = machine.Value, at = after.CreatedAt, id = after.Id, limit }));
    }

    /// <summary>What lives, counted by state, node and incarnation of the node: all that a warden needs while nothing happens.</summary>
    public static Task<IReadOnlyList<ProcessHome>> HomesAsync(this ICatalog catalog) =>
        catalog.ReadAsync(session => session.QueryAsync<ProcessHome>(
            "SELECT p.state AS State, p.node_id AS NodeId, p.node_incarnation AS NodeIncarnation, MIN(p.started_at) AS FirstStartedAt "
            + "FROM dos_processes p WHERE p.state IN (1, 2, 3) GROUP BY p.state, p.node_id, p.node_incarnation"));

    public static Task<IReadOnlyList<ProcessRecord>> ActingAtAsync(this ICatalog catalog, NodeId node, long nodeIncarnation, int limit) =>
        catalog.ReadAsync(session => session.QueryAsync<ProcessRecord>(
            $"SELECT {Columns} WHERE p.node_id = @node AND p.node_incarnation = @nodeIncarnation AND {Acting} ORDER BY p.pid LIMIT @limit",
            new { node = node.Value, nodeIncarnation, limit }));

    public static Task<IReadOnlyList<ProcessRecord>> PendingAsync(this ICatalog catalog, long after, int limit) =>
        catalog.ReadAsync(session => session.QueryAsync<ProcessRecord>(
            $"SELECT {Columns} WHERE p.state = 1 AND p.pid > @after ORDER BY p.pid LIMIT @limit", new { after, limit }));

    public static Task<IReadOnlyList<ProcessRecord>> EndedBeforeAsync(this ICatalog catalog, DateTimeOffset instant, int limit) =>
        catalog.ReadAsync(session => session.QueryAsync<ProcessRecord>(
            $"SELECT {Columns} WHERE p.ended_at < @instant ORDER BY p.ended_at LIMIT @limit", new { instant = CatalogTime.From(instant), limit }));

    public static Task DeleteAsync(this ICatalog catalog, IReadOnlyList<long> pids) =>
        catalog.WriteAsync(async session =>
        {
            foreach (var pid in pids)
            {
                await session.ExecuteAsync("DELETE FROM dos_processes WHERE pid = @pid AND ended_at IS NOT NULL", new { pid });
            }
            return true;
        });

    /// <summary>The row of a new process, if the request that asks for it holds its pid: then this is the spawn that the request stands for.</summary>
    public static void QueueInsertForRequest(this ICatalogSession session, ProcessRecord record, long sender, long number, byte[] answer, Func<int, Exception?> check) =>
        session.Queue(
            "INSERT INTO dos_processes(pid, machine_id, incarnation, state, exit_code, reason, node_id, node_incarnation, program, spec, owner, uid, gid, "
            + "restart, restarts, asked_to_end, parent_pid, created_at, started_at, ended_at) SELECT @Pid, @MachineId, @Incarnation, @State, @ExitCode, @Reason, @NodeId, "
            + "@NodeIncarnation, @Program, @Spec, @Owner, @UserId, @GroupId, @Restart, @Restarts, @AskedToEnd, @ParentPid, @CreatedAt, @StartedAt, @EndedAt "
            + "WHERE EXISTS (SELECT 1 FROM dos_requests r WHERE r.machine_id = @MachineId AND r.sender = @sender AND r.number = @number AND r.answer = @answer)",
            new
            {
                record.Pid, record.MachineId, record.Incarnation, record.State, record.ExitCode, record.Reason, record.NodeId, record.NodeIncarnation,
                record.Program, record.Spec, record.Owner, record.UserId, record.GroupId, record.Restart, record.Restarts, record.AskedToEnd, record.ParentPid,
                record.CreatedAt, record.StartedAt, record.EndedAt, sender, number, answer,
            },
            check);

    /// <summary>The end of an incarnation that runs there and that no policy starts again (<see cref="ProcessLifecycle.LastExit"/>).</summary>
    public static void QueueLastEnd(this ICatalogSession session, NodeId node, ProcessId pid, long incarnation, ProcessEnding ending, Func<int, Exception?> check) =>
        session.Queue(
            "UPDATE dos_processes SET state = @state, exit_code = @code, reason = @reason, ended_at = @ended "
            + "WHERE pid = @pid AND incarnation = @incarnation AND node_id = @node AND state IN (2, 3) AND restart = 0",
            new
            {
                state = (long)ending.State, code = (long?)ending.ExitCode, reason = ending.Reason, ended = CatalogTime.From(ending.Ended),
                pid = pid.Value, incarnation, node = node.Value,
            },
            check);

    /// <returns>False when the row was changed meanwhile: the decision is void. When true, <paramref name="record"/> is the new row.</returns>
    public static async Task<bool> ChangeAsync(this ICatalog catalog, ProcessRecord record, ProcessRow next)
    {
        var (oldIncarnation, oldState, oldNode, oldAsked) = (record.Incarnation, record.State, record.NodeId ?? "", record.AskedToEnd ?? 0);
        var changed = new ProcessRecord();
        changed.Apply(next);
        var rows = await catalog.WriteAsync(session => session.ExecuteAsync(
            "UPDATE dos_processes SET incarnation = @Incarnation, state = @State, exit_code = @ExitCode, reason = @Reason, node_id = @NodeId, "
            + "node_incarnation = @NodeIncarnation, restarts = @Restarts, asked_to_end = @AskedToEnd, started_at = @StartedAt, ended_at = @EndedAt "
            + "WHERE pid = @Pid AND incarnation = @oldIncarnation AND state = @oldState AND COALESCE(node_id, '') = @oldNode AND COALESCE(asked_to_end, 0) = @oldAsked",
            new
            {
                record.Pid, changed.Incarnation, changed.State, changed.ExitCode, changed.Reason, changed.NodeId, changed.NodeIncarnation,
                changed.Restarts, changed.AskedToEnd, changed.StartedAt, changed.EndedAt, oldIncarnation, oldState, oldNode, oldAsked,
            }));
        if (rows == 0)
        {
            return false;
        }
        record.Apply(next);
        return true;
    }
}

/// <summary>Living processes in one state at one start of a node; those that wait have no node.</summary>
internal sealed class ProcessHome
{
    public long State { get; set; }
    public string? NodeId { get; set; }
    public long? NodeIncarnation { get; set; }
    public long? FirstStartedAt { get; set; }

    public bool IsAt(NodeId node, long incarnation) => NodeId == node.Value && NodeIncarnation == incarnation;
}
