using Orleans.DOS.Segments;

namespace Orleans.DOS.Simulation.Segments;

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
        /// <summary>Indices of frames that fail their checksum.</summary>
        public SortedSet<int> Bad { get; } = [];
        /// <summary>What the header says of how much was synced.</summary>
        public long Mark;
    }

    public bool IsUp { get; private set; } = true;

    /// <summary>Its process is stopped until then: messages wait, nothing is lost.</summary>
    public long FrozenUntil { get; set; }

    /// <summary>Number of the disk; a wiped one is another disk.</summary>
    public int Disk { get; private set; }

    public IReadOnlyCollection<int> Segments => [.. _logs.Keys];

    /// <summary>A good frame of a replica on the disk that is meant.</summary>
    public int? FrameAt(int segment, int disk, int index) =>
        disk == Disk && _logs.TryGetValue(segment, out var log) && index < log.Frames.Count && !log.Bad.Contains(index) ? log.Frames[index] : null;

    public ReplicaState? StateOf(int segment) => _logs.GetValueOrDefault(segment)?.State;

    public bool IsRotten(int segment) => _logs.TryGetValue(segment, out var log) && log.State.Rotten;

    /// <summary>Carries a call out, if this is the disk that was meant.</summary>
    public (ReplicaVerdict, ReplicaState) Asked(int disk, Func<SimulatedReplica, (ReplicaVerdict, ReplicaState)> call) =>
        disk == Disk || fault == PlantedFault.WipedDiskCountedAsEmpty ? call(this) : (ReplicaVerdict.WrongDisk, default(ReplicaState) with { Damaged = true });

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
        // The mark itself reaches the disk with a later sync, or never.
        log.Mark = world.Random.Next(2) == 0 ? log.State.SyncedLength : log.Mark;
        return (result.Item1, log.State);
    });

    public (ReplicaVerdict, ReplicaState) Seal(int segment, long epoch, long? length)
    {
        if (!_logs.TryGetValue(segment, out var log))
        {
            // A late create must not bring it to life.
            _logs[segment] = new Log { MadeUnder = epoch, State = ReplicaState.Created(epoch) with { Sealed = true, Damaged = true } };
            return fault == PlantedFault.WipedDiskCountedAsEmpty
                ? (ReplicaVerdict.Done, ReplicaState.Created(epoch) with { Sealed = true })
                : (ReplicaVerdict.NoSuchSegment, default(ReplicaState) with { Damaged = true });
        }
        var result = Take(log, log.State.Seal(epoch, length), null);
        Cut(log, log.State.Length);
        return result;
    }

    /// <summary>As CopyFromAsync of the node's segment service.</summary>
    public (ReplicaVerdict, ReplicaState) CopyFrom(int segment, long epoch, SimulatedReplica source, int sourceDisk, long length)
    {
        if (_logs.TryGetValue(segment, out var log) && log.State.Rotten)
        {
            if (fault != PlantedFault.RottenCopyDeletedFirst)
            {
                return Mend(log, epoch, index => source.IsUp ? source.FrameAt(segment, sourceDisk, index) : null, length);
            }
            _logs.Remove(segment);
        }
        Create(segment, epoch);
        log = _logs[segment];
        if (log.State.Length > length)
        {
            Seal(segment, epoch, length);
        }
        while (log.State.Length < length)
        {
            if (!source.IsUp || source.FrameAt(segment, sourceDisk, log.Frames.Count) is not { } frame)
            {
                return (ReplicaVerdict.Failed, log.State);
            }
            var copied = Take(log, log.State.Copy(epoch, log.State.Length, FrameBytes), frame);
            if (copied.Item1 != ReplicaVerdict.Done)
            {
                return copied;
            }
        }
        if (log.State.Epoch > epoch)
        {
            return (ReplicaVerdict.RefusedEpoch, log.State);
        }
        log.State = log.State.Copied(seal: true);
        return (ReplicaVerdict.Done, log.State);
    }

    /// <summary>Good frames stay; the source's come into the place of bad ones and behind the end.</summary>
    private static (ReplicaVerdict, ReplicaState) Mend(Log log, long epoch, Func<int, int?> source, long length)
    {
        var result = Take(log, log.State.Seal(epoch, log.State.Length > length ? length : null), null);
        Cut(log, log.State.Length);
        for (var index = 0; result.Item1 == ReplicaVerdict.Done && index < length / FrameBytes; index++)
        {
            if (index < log.Frames.Count && !log.Bad.Contains(index))
            {
                continue;
            }
            if (source(index) is not { } frame)
            {
                return (ReplicaVerdict.Failed, log.State);
            }
            var decision = log.State.Mend(epoch, index * FrameBytes, FrameBytes);
            if (decision.WriteBytes && index < log.Frames.Count)
            {
                log.Frames[index] = frame;
                log.Bad.Remove(index);
                decision = decision with { WriteBytes = false };
            }
            result = Take(log, decision, frame);
        }
        log.State = result.Item1 == ReplicaVerdict.Done ? log.State.Copied(seal: true) : log.State;
        return (result.Item1, log.State);
    }

    /// <summary>The scrubber reads every frame: with a bad one the replica says that it is rotten.</summary>
    /// <returns>Whether all are good.</returns>
    public bool Verify(int segment, int frames)
    {
        if (!_logs.TryGetValue(segment, out var log) || !log.Bad.Any(index => index < frames))
        {
            return true;
        }
        log.State = log.State with { Rotten = true, Damaged = true };
        return false;
    }

    public (ReplicaVerdict, ReplicaState) Delete(int segment)
    {
        _logs.Remove(segment);
        return (ReplicaVerdict.Done, default);
    }

    /// <summary>All that was on it is gone.</summary>
    public void Wipe()
    {
        _logs.Clear();
        Disk++;
    }

    /// <summary>A frame changes on the disk.</summary>
    /// <param name="marked">Only one of which the replica's header knows that it was synced.</param>
    /// <returns>Which.</returns>
    public (int Segment, int Index)? Rot(Predicate<int> may, bool marked)
    {
        var candidates = _logs.SelectMany(item => Enumerable.Range(0, item.Value.Frames.Count)
            .Where(index => may(item.Value.Frames[index]) && (!marked || item.Value.State.Sealed || (index + 1) * FrameBytes <= item.Value.Mark))
            .Select(index => (Segment: item.Key, Index: index))).ToList();
        if (candidates.Count == 0)
        {
            return null;
        }
        var rotted = candidates[world.Random.Next(candidates.Count)];
        _logs[rotted.Segment].Bad.Add(rotted.Index);
        return rotted;
    }

    /// <summary>What a loss of power may take: frames of segments that are not sealed here.</summary>
    public List<(int Segment, int Index)> OpenFrames =>
        [.. _logs.Where(item => !item.Value.State.Sealed).SelectMany(item => Enumerable.Range(0, item.Value.Frames.Count).Select(index => (item.Key, index)))];

    public void Crash(bool powerLoss)
    {
        IsUp = false;
        foreach (var log in _logs.Values)
        {
            if (powerLoss && !log.State.Sealed)
            {
                LosePower(log);
            }
            var state = log.State;
            if (fault == PlantedFault.EpochForgottenAtRestart)
            {
                state = state with { Epoch = log.MadeUnder, Sealed = false };
            }
            var (scan, mark) = (Scan(log), log.Mark);
            if (fault == PlantedFault.BadFrameTakenForTail)
            {
                (scan, mark) = (scan with { LastGoodEnd = scan.ValidEnd }, 0);
            }
            log.State = state.Recovered(scan, mark, cacheSurvived: !powerLoss || fault == PlantedFault.DamageForgotten);
            Cut(log, log.State.Length);
        }
    }

    public void Restart() => IsUp = true;

    /// <summary>What was never synced is gone from some frame on, or any of it is, since pages reach a disk in any order.</summary>
    private void LosePower(Log log)
    {
        var kept = (int)((fault == PlantedFault.SyncSkipped ? 0 : log.State.SyncedLength) / FrameBytes);
        if (world.Random.Next(2) == 0)
        {
            Cut(log, world.Random.Next(kept, log.Frames.Count + 1) * (long)FrameBytes);
            return;
        }
        for (var index = kept; index < log.Frames.Count; index++)
        {
            if (world.Random.Next(3) == 0)
            {
                log.Bad.Add(index);
            }
        }
    }

    private static LogScan Scan(Log log)
    {
        var valid = log.Bad.Count > 0 ? log.Bad.Min : log.Frames.Count;
        var lastGood = log.Frames.Count;
        while (lastGood > valid && log.Bad.Contains(lastGood - 1))
        {
            lastGood--;
        }
        return new LogScan(valid * FrameBytes, lastGood * FrameBytes, log.Frames.Count * FrameBytes);
    }

    private (ReplicaVerdict, ReplicaState) On(int segment, Func<Log, (ReplicaVerdict, ReplicaState)> act) =>
        _logs.TryGetValue(segment, out var log) ? act(log) : (ReplicaVerdict.NoSuchSegment, default(ReplicaState) with { Damaged = true });

    private static (ReplicaVerdict, ReplicaState) Take(Log log, ReplicaDecision decision, int? value)
    {
        if (decision.WriteBytes)
        {
            log.Frames.Add(value!.Value);
        }
        if (decision.PersistHeader)
        {
            log.Mark = decision.Next.SyncedLength;
        }
        log.State = decision.Next;
        return (decision.Verdict, log.State);
    }

    private static void Cut(Log log, long length)
    {
        var frames = (int)(length / FrameBytes);
        log.Frames.RemoveRange(frames, log.Frames.Count - frames);
        log.Bad.RemoveWhere(index => index >= frames);
    }
}
