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

    /// <summary>The node could not be reached or did not answer in time.</summary>
    public static bool IsLost(Exception exception) =>
        exception is TimeoutException or OrleansException or DosException { Code: DosErrorCode.Unavailable or DosErrorCode.OutcomeUnknown };

    public static ReplicaState StateOf(ReplicaAnswer answer) => new(answer.Epoch, answer.Length, answer.SyncedLength, answer.Sealed, answer.Damaged);
}
