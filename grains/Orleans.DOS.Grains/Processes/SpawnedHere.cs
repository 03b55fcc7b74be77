using System.Collections.Concurrent;

namespace Orleans.DOS.Processes;

/// <summary>
/// Rows of processes that were spawned through this node lately, as they were then: where to wait for their ends without reading. Only a
/// hint, since each may have changed: what a node says of an incarnation counts, or the row.
/// </summary>
public sealed class SpawnedHere
{
    /// <summary>Processes kept; the oldest goes first.</summary>
    private const int CountMax = 4096;
    /// <summary>Bytes of the longest specification kept, so that all of them take 16 MiB at most.</summary>
    private const int SpecBytesMax = 4096;

    private readonly ConcurrentDictionary<long, ProcessRecord> _records = new();
    private readonly ConcurrentQueue<long> _order = new();

    internal void Add(ProcessRecord record)
    {
        if (record.Spec.Length > SpecBytesMax)
        {
            return;
        }
        _records[record.Pid] = record;
        _order.Enqueue(record.Pid);
        while (_order.Count > CountMax && _order.TryDequeue(out var oldest))
        {
            _records.TryRemove(oldest, out _);
        }
    }

    internal ProcessRecord? Find(ProcessId pid) => _records.GetValueOrDefault(pid.Value);

    internal void Forget(ProcessId pid) => _records.TryRemove(pid.Value, out _);
}
