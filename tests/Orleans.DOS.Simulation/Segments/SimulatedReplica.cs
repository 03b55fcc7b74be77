using Orleans.DOS.Segments;

namespace Orleans.DOS.Simulation.Segments;

/// <summary>What a run may get wrong on purpose, so that the checker shows that it sees.</summary>
public enum PlantedFault
{
    None,
    /// <summary>One replica's word is taken for all.</summary>
    EarlyAcknowledgement,
    /// <summary>The catalog does not compare epochs.</summary>
    IgnoredEpoch,
    /// <summary>A replica restarts with the epoch and without the seal that it had at first.</summary>
    EpochForgottenAtRestart,
    /// <summary>A replica that lost unsynced frames with its host's power does not say so.</summary>
    DamageForgotten,
    /// <summary>A replica says synced when it has only received.</summary>
    SyncSkipped,
    /// <summary>A takeover counts on the shortest replica that answers.</summary>
    ShortestTaken,
    /// <summary>A new segment is written before its row is committed.</summary>
    WrittenBeforeCommit,
}

/// <summary>A disk with several segments' replicas; each frame is one number and <see cref="FrameBytes"/> long.</summary>
public sealed class SimulatedReplica(SimulatedWorld world, PlantedFault fault)
{
    public const int FrameBytes = 100;
    private readonly Dictionary<int, Log> _logs = [];

    private sealed class Log
    {
        public ReplicaState State;
        public required long MadeUnder;
        public List<int> Frames { get; } = [];
    }

    public bool IsUp { get; private set; } = true;

    /// <summary>Its process is stopped until then: messages wait, nothing is lost.</summary>
    public long FrozenUntil { get; set; }

    public IReadOnlyList<int>? FramesOf(int segment) => _logs.GetValueOrDefault(segment)?.Frames;

    public (ReplicaVerdict, ReplicaState) Create(int segment, long epoch)
    {
        if (!_logs.TryGetValue(segment, out var log))
        {
            _logs[segment] = log = new Log { MadeUnder = epoch, State = ReplicaState.Created(epoch) };
        }
        return Take(log, log.State.Create(epoch), null);
    }

    public (ReplicaVerdict, ReplicaState) Append(int segment, long epoch, long offset, int value, bool sync) => On(segment, log =>
    {
        var result = Take(log, log.State.Append(epoch, offset, FrameBytes), value);
        if (sync && result.Item1 == ReplicaVerdict.Done)
        {
            log.State = log.State.Synced(offset + FrameBytes);
        }
        return (result.Item1, log.State);
    });

    public (ReplicaVerdict, ReplicaState) Sync(int segment, long epoch, long length) => On(segment, log =>
    {
        var result = Take(log, log.State.Sync(epoch, length), null);
        log.State = result.Item1 == ReplicaVerdict.Done ? log.State.Synced(length) : log.State;
        return (result.Item1, log.State);
    });

    public (ReplicaVerdict, ReplicaState) Seal(int segment, long epoch, long? length)
    {
        if (!_logs.TryGetValue(segment, out var log))
        {
            // A late create must not bring it to life.
            _logs[segment] = new Log { MadeUnder = epoch, State = ReplicaState.Created(epoch) with { Sealed = true, Damaged = true } };
            return (ReplicaVerdict.NoSuchSegment, default(ReplicaState) with { Damaged = true });
        }
        var result = Take(log, log.State.Seal(epoch, length), null);
        Cut(log, log.State.Length);
        return result;
    }

    public (ReplicaVerdict, ReplicaState) CopyFrom(int segment, long epoch, SimulatedReplica source, long length)
    {
        if (!source.IsUp || !_logs.TryGetValue(segment, out var log) || source.FramesOf(segment) is not { } frames || frames.Count * FrameBytes < length)
        {
            return (ReplicaVerdict.Failed, default);
        }
        while (log.State.Length < length)
        {
            var copied = Take(log, log.State.Copy(epoch, log.State.Length, FrameBytes), frames[log.Frames.Count]);
            if (copied.Item1 != ReplicaVerdict.Done)
            {
                return copied;
            }
        }
        log.State = log.State.Copied(seal: true);
        return (ReplicaVerdict.Done, log.State);
    }

    public void Crash(bool powerLoss)
    {
        IsUp = false;
        foreach (var log in _logs.Values)
        {
            if (powerLoss && !log.State.Sealed)
            {
                var kept = (int)((fault == PlantedFault.SyncSkipped ? 0 : log.State.SyncedLength) / FrameBytes);
                Cut(log, world.Random.Next(kept, log.Frames.Count + 1) * (long)FrameBytes);
            }
            var state = log.State;
            if (fault == PlantedFault.EpochForgottenAtRestart)
            {
                state = state with { Epoch = log.MadeUnder, Sealed = false };
            }
            log.State = state.Recovered((long)log.Frames.Count * FrameBytes, droppedTail: false, cacheSurvived: !powerLoss || fault == PlantedFault.DamageForgotten);
        }
    }

    public void Restart() => IsUp = true;

    private (ReplicaVerdict, ReplicaState) On(int segment, Func<Log, (ReplicaVerdict, ReplicaState)> act) =>
        _logs.TryGetValue(segment, out var log) ? act(log) : (ReplicaVerdict.NoSuchSegment, default(ReplicaState) with { Damaged = true });

    private static (ReplicaVerdict, ReplicaState) Take(Log log, ReplicaDecision decision, int? value)
    {
        if (decision.WriteBytes)
        {
            log.Frames.Add(value!.Value);
        }
        log.State = decision.Next;
        return (decision.Verdict, log.State);
    }

    private static void Cut(Log log, long length) => log.Frames.RemoveRange((int)(length / FrameBytes), log.Frames.Count - (int)(length / FrameBytes));
}
