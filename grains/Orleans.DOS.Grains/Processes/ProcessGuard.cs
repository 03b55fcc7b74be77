using Orleans.DOS.Catalog;
using Orleans.DOS.Security;

namespace Orleans.DOS.Processes;

/// <summary>Makes what a process changes conditional on its being the incarnation that acts, as <see cref="Nodes.OwnershipGuard"/> does for owners.</summary>
internal static class ProcessGuard
{
    /// <summary>
    /// First statement of a transaction made for a call: locks the row of the process that calls, if one does (FOR SHARE), and compares
    /// the incarnation. A process of a node that was declared dead, frozen behind all other checks, changes nothing any more.
    /// </summary>
    /// <exception cref="DosException">Stale: it has ended, or another incarnation of it acts.</exception>
    public static async Task RequireActingAsync(this ICatalogSession session, CallContext context)
    {
        if (context.Process is not { Value: > 0 } pid)
        {
            // Tasks of jobs have no row; what they make counts only by their coordinator's word, which is conditional on its epoch.
            return;
        }
        var row = await session.QueryFirstAsync<long?>(
            "SELECT pid FROM dos_processes WHERE pid = @pid AND machine_id = @machine AND incarnation = @incarnation AND state IN (@running, @stopped) "
            + session.Dialect.ForShare,
            new
            {
                pid = pid.Value, machine = context.Machine.Value, incarnation = context.Incarnation,
                running = (long)ProcessState.Running, stopped = (long)ProcessState.Stopped,
            });
        if (row is null)
        {
            throw new DosException(DosErrorCode.Stale, $"incarnation {context.Incarnation} of process {pid} does not act any more");
        }
    }
}
