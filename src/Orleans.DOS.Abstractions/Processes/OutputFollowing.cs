using System.Runtime.CompilerServices;

namespace Orleans.DOS.Processes;

/// <summary>Reads captured output as it comes.</summary>
public static class OutputFollowing
{
    /// <summary>How long the end of a process, or its next start, is waited for at a time once its stream is closed.</summary>
    private static readonly TimeSpan ChangeMax = TimeSpan.FromMilliseconds(200);

    /// <summary>
    /// What a process writes, start after start, until it has ended for good. Pieces may be empty; each says whose it is, so that
    /// after a failure the reader can go on behind the last one.
    /// </summary>
    /// <param name="position">Of the first byte wanted, in the output of <paramref name="incarnation"/>.</param>
    /// <param name="incarnation">The start to begin with, from 1; 0: the present one.</param>
    /// <exception cref="DosException">NoSuchProcess: there is none, or what it wrote is gone with its node; Unavailable.</exception>
    public static async IAsyncEnumerable<OutputChunk> FollowOutputAsync(
        this IProcesses processes, ProcessId pid, OutputStream stream, long position = 0, long incarnation = 0,
        [EnumeratorCancellation] CancellationToken cancellationToken = default)
    {
        ArgumentNullException.ThrowIfNull(processes);
        while (true)
        {
            var chunk = await processes.ReadOutputAsync(pid, stream, position, wait: true, incarnation, cancellationToken).ConfigureAwait(false);
            (incarnation, position) = (chunk.Incarnation, chunk.Position + chunk.Data.Length);
            yield return chunk;
            if (!chunk.End)
            {
                continue;
            }
            var status = await processes.StatusAsync(pid, cancellationToken).ConfigureAwait(false);
            if (status is { HasEnded: false } && status.Incarnation == incarnation)
            {
                status = await ChangeAsync(processes, status, cancellationToken).ConfigureAwait(false);
            }
            if (status.Incarnation > incarnation)
            {
                // It was started again, maybe more than once: each start has an output of its own.
                (incarnation, position) = (incarnation + 1, 0);
            }
            else if (status.HasEnded)
            {
                yield break;
            }
        }
    }

    /// <summary>The stream is closed, but the process goes on, or is about to end or to start again.</summary>
    private static async Task<ProcessStatus> ChangeAsync(IProcesses processes, ProcessStatus status, CancellationToken cancellationToken)
    {
        using var poll = CancellationTokenSource.CreateLinkedTokenSource(cancellationToken);
        poll.CancelAfter(ChangeMax);
        try
        {
            return await processes.WaitAsync(status.Pid, poll.Token).ConfigureAwait(false);
        }
        catch (OperationCanceledException) when (!cancellationToken.IsCancellationRequested)
        {
            return await processes.StatusAsync(status.Pid, cancellationToken).ConfigureAwait(false);
        }
    }
}
