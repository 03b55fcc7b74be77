using System.Buffers.Binary;
using Orleans.DOS.Catalog;
using Orleans.DOS.Security;

namespace Orleans.DOS.Processes;

/// <summary>
/// The node's writer of the two changes that every process makes: its row with the request that asked for it, and its last end. All that
/// wait share one commit (<see cref="GroupCommit{TChange,TAnswer}"/>).
/// </summary>
public sealed class ProcessWriter : IAsyncDisposable
{
    private readonly ICatalog _catalog;
    private readonly GroupCommit<Change, bool> _commits;

    public ProcessWriter(ICatalog catalog) => (_catalog, _commits) = (catalog, new GroupCommit<Change, bool>(catalog, static (session, changes) => Task.FromResult(Queue(session, changes))));

    public ValueTask DisposeAsync() => _commits.DisposeAsync();

    /// <returns>False when the request was carried out before: it holds the pid of the process that it made.</returns>
    /// <exception cref="DosException">Stale: the process that asks does not act any more.</exception>
    internal async Task<bool> SpawnAsync(CallContext context, long hash, ProcessRecord record)
    {
        var spawn = new Spawn(context, hash, record);
        if (context.Process is null)
        {
            return await _commits.CommitAsync(spawn);
        }
        // Its row is locked meanwhile, which must not hold up all the others.
        IReadOnlyList<bool> done = [];
        await _catalog.WriteAsync(async session =>
        {
            await session.RequireActingAsync(context);
            done = Queue(session, [spawn]);
            return true;
        });
        return done[0];
    }

    /// <returns>False when the row is not that of this incarnation on this node, or a policy may start it again: whoever knows of the end decides by the row.</returns>
    internal Task<bool> EndAsync(NodeId node, ProcessEnd end) => _commits.CommitAsync(
        new End(node, end, ProcessLifecycle.LastExit(end.Exit.ExitCode, end.Exit.Failure, end.Exit.Ended)));

    /// <summary>The pid as a request's answer holds it.</summary>
    internal static byte[] AnswerOf(long pid)
    {
        var answer = new byte[sizeof(long)];
        BinaryPrimitives.WriteInt64LittleEndian(answer, pid);
        return answer;
    }

    /// <returns>What was done of each; filled in at the end of the transaction.</returns>
    private static IReadOnlyList<bool> Queue(ICatalogSession session, IReadOnlyList<Change> changes)
    {
        var done = new bool[changes.Count];
        for (var index = 0; index < changes.Count; index++)
        {
            var place = index;
            changes[index].Queue(session, rows =>
            {
                done[place] = rows > 0;
                return null;
            });
        }
        return done;
    }

    private abstract record Change
    {
        /// <param name="check">Told the rows changed by what matters.</param>
        public abstract void Queue(ICatalogSession session, Func<int, Exception?> check);
    }

    private sealed record Spawn(CallContext Context, long Hash, ProcessRecord Record) : Change
    {
        public override void Queue(ICatalogSession session, Func<int, Exception?> check)
        {
            var (machine, sender, number, answer) = (Context.Machine.Value, Context.Request.Sender, Context.Request.Number, AnswerOf(Record.Pid));
            session.Queue(
                "INSERT INTO dos_requests(machine_id, sender, number, hash, answer, expires_at) VALUES (@machine, @sender, @number, @Hash, @answer, @expires) "
                + "ON CONFLICT (machine_id, sender, number) DO NOTHING",
                new { machine, sender, number, Hash, answer, expires = Record.CreatedAt + (long)Limits.RequestRetention.TotalMicroseconds });
            session.QueueInsertForRequest(Record, sender, number, answer, check);
        }
    }

    private sealed record End(NodeId Node, ProcessEnd Told, ProcessEnding Ending) : Change
    {
        public override void Queue(ICatalogSession session, Func<int, Exception?> check) => session.QueueLastEnd(Node, Told.Pid, Told.Incarnation, Ending, check);
    }
}
