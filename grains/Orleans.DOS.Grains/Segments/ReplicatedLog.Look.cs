namespace Orleans.DOS.Segments;

/// <summary>What becomes of a log to which nobody appends: see <see cref="LogWatch"/>.</summary>
internal sealed partial class ReplicatedLog
{
    /// <summary>
    /// Seals the open segment when a replica of it is gone: its node is dead, or came back without it. Sealed, it counts among those that are below
    /// their target and is filled up by repair; the next append opens another.
    /// </summary>
    public void Look()
    {
        lock (_gate)
        {
            if (_ended is not null || _closing || _isMoving)
            {
                return;
            }
            if (_current is not { } current)
            {
                // The catalog was away when it was to be told of a seal.
                if (_unrecorded.Count > 0)
                {
                    _isMoving = true;
                    _moving = MoveAsync(null);
                }
                return;
            }
            if (current.Writer.IsBusy)
            {
                return; // Each tick looks.
            }
            var effects = new List<WriterEffect>();
            for (var replica = 0; replica < current.Replicas.Count; replica++)
            {
                if (!_services.Nodes.TryGetAddress(current.Replicas[replica].Node, out var address))
                {
                    current.Writer.Dead(replica, Now, effects);
                }
                else if (!address.Equals(current.Addresses[replica]))
                {
                    ProbeAsync(current, replica, address).Ignore();
                }
            }
            Carry(current, effects);
        }
    }

    /// <summary>Its node has started again since the replica was last known to be there: it may be another disk, or have lost what was not on it yet.</summary>
    private async Task ProbeAsync(OpenSegment segment, int index, Runtime.SiloAddress address)
    {
        var replica = segment.Replicas[index];
        var answer = await AskAsync(replica, service => service.StatAsync(segment.Id, replica.Disk), CreatePatience);
        if (answer is null)
        {
            return; // The next look asks again.
        }
        // Callers hold the gate, and an answer may have come at once.
        await Task.Yield();
        lock (_gate)
        {
            if (_current != segment)
            {
                return;
            }
            if (answer is { Outcome: ReplicaOutcome.Done, Damaged: false, Rotten: false } && answer.Length >= segment.Writer.AcknowledgedLength)
            {
                segment.Addresses[index] = address;
                return;
            }
            var effects = new List<WriterEffect>();
            segment.Writer.Dead(index, Now, effects);
            Carry(segment, effects);
        }
    }
}
