using Orleans.DOS.Processes;

namespace Orleans.DOS.Cli.Processes;

/// <summary>Copies captured output of a process to a local stream.</summary>
internal static class OutputCopy
{
    /// <summary>Copies what there is now of the present start. One that writes all the time is not run after.</summary>
    public static async Task NowAsync(IProcesses processes, ProcessId pid, OutputStream stream, Stream target, CancellationToken cancellation)
    {
        // Behind any end: the answer tells where that is, and of which start.
        var (end, _, _, incarnation) = await processes.ReadOutputAsync(pid, stream, long.MaxValue, cancellationToken: cancellation);
        for (long position = 0; position < end;)
        {
            var chunk = await processes.ReadOutputAsync(pid, stream, position, incarnation: incarnation, cancellationToken: cancellation);
            await target.WriteAsync(chunk.Data, cancellation);
            if (chunk.End || chunk.Data.Length == 0)
            {
                break;
            }
            position = chunk.Position + chunk.Data.Length;
        }
        await target.FlushAsync(cancellation);
    }

    /// <summary>Copies what it writes, until it has ended for good: over restarts and moves, and while no node answers for a while.</summary>
    /// <param name="incarnation">The start to begin with, from 1.</param>
    /// <param name="again">Told of each later start.</param>
    public static async Task FollowAsync(
        IProcesses processes, ProcessId pid, OutputStream stream, long incarnation, Stream target, CancellationToken cancellation, Func<Task>? again = null)
    {
        var (position, outage) = (0L, new Outage());
        while (true)
        {
            try
            {
                await foreach (var chunk in processes.FollowOutputAsync(pid, stream, position, incarnation, cancellation))
                {
                    outage.Over();
                    if (chunk.Incarnation != incarnation && again is not null)
                    {
                        await again();
                    }
                    await target.WriteAsync(chunk.Data, cancellation);
                    await target.FlushAsync(cancellation);
                    (incarnation, position) = (chunk.Incarnation, chunk.Position + chunk.Data.Length);
                }
                return;
            }
            catch (DosException away) when (outage.Bears(away))
            {
                await outage.PauseAsync(cancellation);
            }
        }
    }
}
