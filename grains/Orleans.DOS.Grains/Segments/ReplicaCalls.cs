using Orleans.DOS.Nodes;
using Orleans.Runtime;

namespace Orleans.DOS.Segments;

/// <summary>Calls to a replica whose failure is an answer.</summary>
internal static class ReplicaCalls
{
    /// <returns>Null when no answer came within <paramref name="patience"/>; the call may have been carried out.</returns>
    public static async Task<T?> AskAsync<T>(
        INodeClients clients, NodeId node, Func<ISegmentService, Task<T>> call, TimeSpan patience, TimeProvider time, CancellationToken cancellationToken = default)
        where T : class
    {
        try
        {
            return await call(clients.Segments(node)).WaitAsync(patience, time, cancellationToken);
        }
        catch (Exception exception) when (IsLost(exception))
        {
            return null;
        }
    }

    /// <summary>Copies a segment, in as many calls as it takes.</summary>
    /// <returns>Whether the replica has all of it now.</returns>
    public static async Task<bool> CopyAsync(
        INodeClients clients, Replica target, SegmentHeader header, long epoch, Replica source, long length, bool paced, TimeSpan patience, TimeProvider time)
    {
        var started = time.GetTimestamp();
        while (time.GetElapsedTime(started) < patience)
        {
            var answer = await AskAsync(
                clients, target.Node, service => service.CopyFromAsync(header, epoch, source.Node, source.Disk, length, seal: true, paced), Limits.CallTimeout, time);
            if (answer is not { Outcome: ReplicaOutcome.InProgress })
            {
                return answer is { Outcome: ReplicaOutcome.Done } && answer.Length == length;
            }
        }
        return false;
    }

    /// <summary>The node could not be reached or did not answer in time.</summary>
    public static bool IsLost(Exception exception) =>
        exception is TimeoutException or OrleansException or DosException { Code: DosErrorCode.Unavailable or DosErrorCode.OutcomeUnknown };

    public static ReplicaState StateOf(ReplicaAnswer answer) => new(answer.Epoch, answer.Length, answer.SyncedLength, answer.Sealed, answer.Damaged);
}
