namespace Orleans.DOS.Segments;

/// <summary>What becomes of an open log without an append that would tell: see <see cref="LogWatch"/>.</summary>
internal sealed partial class ReplicatedLog
{
    /// <summary>After a segment was left because it has too few replicas, before the next is; twice as long each time it did not help (a disk that is full).</summary>
    private static readonly TimeSpan WidenPauseMin = TimeSpan.FromMinutes(1), WidenPauseMax = TimeSpan.FromHours(1);
    private TimeSpan _widenPause = WidenPauseMin;
    private long _widenAfterMs;

    /// <summary>
    /// Seals the open segment when a replica of it is gone (its node is dead, or came back without it), or when it has fewer than it could have now.
    /// Sealed, it is filled up by repair; the next append opens another.
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
            if (current.Replicas.Count >= _wanted)
            {
                _widenPause = WidenPauseMin;
            }
            else if (Now >= _widenAfterMs && _services.Placer.WillingNodes > current.Replicas.Count)
            {
                WidenAsync(current).Ignore();
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

    /// <summary>
    /// It was opened while too few nodes were there, and would stay so as long as it is written, up to its full size: repair fills up what is sealed.
    /// What is on its way goes into the next segment, as when a replica fails.
    /// </summary>
    private async Task WidenAsync(OpenSegment segment)
    {
        // Callers hold the gate.
        await Task.Yield();
        var replicas = await _services.Placer.ChooseAsync(_wanted, new HashSet<NodeId>());
        lock (_gate)
        {
            if (_current != segment || replicas.Count <= segment.Replicas.Count || Now < _widenAfterMs)
            {
                return;
            }
            _widenAfterMs = Now + (long)_widenPause.TotalMilliseconds;
            _widenPause = _widenPause + _widenPause < WidenPauseMax ? _widenPause + _widenPause : WidenPauseMax;
            var effects = new List<WriterEffect>();
            segment.Writer.Seal(effects);
            Carry(segment, effects);
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
