namespace Orleans.DOS.Segments;

/// <summary>
/// The owner's side of one open segment, without clock, network or disk: it is told what happened and says what to do (effects).
/// <para>
/// Life: Opening (frames queue; nothing is sent before the catalog's commit and the replicas' files) -> Writing -> Sealing (a
/// replica failed, the segment is full, or the owner closes) or Ended (a newer owner was seen). A frame is acknowledged when all
/// replicas have received it, a durable one when all have synced it; always in order, so that what is acknowledged is a prefix. Once sealing
/// begins nothing more is acknowledged here, so that the sealed length is exactly known.
/// </para>
/// </summary>
public sealed class SegmentWriter
{
    /// <summary>A replica that owes an answer and gives no sign for this long is not waited for.</summary>
    public const long SilenceMs = 1000;

    /// <summary>Syncing begins when this much is unsynced, so that the bound is not met with a standstill.</summary>
    public const long SyncAheadBytes = Limits.UnsyncedBytesMax / 2;

    private readonly ReplicaProgress[] _replicas;
    /// <summary>Frames from <see cref="_firstFrame"/> on, in order; the prefix that nobody needs any more is dropped.</summary>
    private readonly List<Entry> _frames = [];
    private readonly long _epoch;
    private long _firstFrame;
    private long _flushTo;

    public SegmentWriter(int replicas, long epoch)
    {
        _epoch = epoch;
        _replicas = [.. Enumerable.Range(0, replicas).Select(_ => new ReplicaProgress())];
    }

    public WriterPhase Phase { get; private set; } = WriterPhase.Opening;

    /// <summary>Bytes submitted so far, headers included: where the next frame will lie.</summary>
    public long Length { get; private set; }

    /// <summary>Bytes of acknowledged frames: all replicas have received them.</summary>
    public long AcknowledgedLength { get; private set; }

    /// <summary>Frames submitted and acknowledged, from 0.</summary>
    public long FramesSubmitted => _firstFrame + _frames.Count;
    public long FramesAcknowledged { get; private set; }

    /// <summary>Bytes on the disks of all replicas.</summary>
    public long SyncedLength => _replicas.Min(replica => replica.Synced);

    /// <summary>Somebody owes an answer, or a frame waits: <see cref="Tick"/> must come.</summary>
    public bool IsBusy => FramesAcknowledged < FramesSubmitted || _replicas.Any(progress => !progress.IsIdle);

    public bool IsFailed(int replica) => _replicas[replica].Failed;
    public bool IsOutOfSpace(int replica) => _replicas[replica].OutOfSpace;

    /// <summary>Whether a frame of that many bytes belongs here and not into the next segment.</summary>
    public bool HasRoom(int bytes) => Phase is WriterPhase.Opening or WriterPhase.Writing && Length + bytes <= Limits.SegmentBytesMax;

    /// <summary>The rows are committed and the replicas have made their files.</summary>
    public void Opened(long now, List<WriterEffect> effects)
    {
        if (Phase == WriterPhase.Opening)
        {
            Phase = WriterPhase.Writing;
            Pump(now, effects);
        }
    }

    /// <summary>Takes a frame; its number is <see cref="FramesSubmitted"/> and its offset <see cref="Length"/> before the call.</summary>
    public void Submit(int bytes, bool durable, long now, List<WriterEffect> effects)
    {
        if (!HasRoom(bytes))
        {
            throw new InvalidOperationException($"A frame of {bytes} bytes was submitted to a segment of {Length} bytes in phase {Phase}");
        }
        _frames.Add(new Entry(Length, bytes, durable));
        Length += bytes;
        Pump(now, effects);
    }

    /// <summary>Everything acknowledged so far is to be synced; done when <see cref="SyncedLength"/> reaches it.</summary>
    public void Flush(long now, List<WriterEffect> effects)
    {
        _flushTo = Math.Max(_flushTo, AcknowledgedLength);
        Pump(now, effects);
    }

    /// <summary>A replica answered an append or a sync.</summary>
    public void Answered(int replica, WriterEffectKind call, ReplicaVerdict verdict, ReplicaState state, long now, List<WriterEffect> effects)
    {
        var progress = _replicas[replica];
        Returned(progress, call);
        if (Phase == WriterPhase.Ended)
        {
            return;
        }
        if (verdict == ReplicaVerdict.RefusedEpoch || state.Epoch > _epoch)
        {
            End(effects);
            return;
        }
        if (verdict is ReplicaVerdict.Done or ReplicaVerdict.InProgress && !state.Damaged)
        {
            progress.ProgressAt = now;
            progress.Received = Math.Max(progress.Received, Math.Min(state.Length, Length));
            progress.Synced = Math.Max(progress.Synced, Math.Min(state.SyncedLength, progress.Received));
            // A frame that overtook those before it may be answered InProgress before it is received; nobody tells when it is.
            progress.Resend |= progress.FramesOutstanding == 0 && progress.Received < progress.SentEnd;
        }
        else if (verdict == ReplicaVerdict.RefusedOffset && !state.Damaged)
        {
            // An earlier frame is on its way or was lost; what is outstanding decides which. The refusal may itself be older than an
            // answer that came before it. Only one that stays behind without being damaged is given up, for its silence.
            progress.Received = Math.Max(progress.Received, Math.Min(state.Length, Length));
            progress.Resend = true;
        }
        else
        {
            progress.OutOfSpace |= verdict == ReplicaVerdict.NoSpace;
            progress.Failed = true;
        }
        Pump(now, effects);
    }

    /// <summary>A call ended without an answer; it may have been carried out. It is sent again with the next <see cref="Tick"/>.</summary>
    public void Lost(int replica, WriterEffectKind call)
    {
        Returned(_replicas[replica], call);
        _replicas[replica].Resend = true;
    }

    /// <summary>The replica's node is dead, or could not make its file.</summary>
    public void Dead(int replica, long now, List<WriterEffect> effects)
    {
        _replicas[replica].Failed = true;
        Pump(now, effects);
    }

    /// <summary>Time passes: silent replicas fail, lost calls are repeated.</summary>
    public void Tick(long now, List<WriterEffect> effects)
    {
        if (Phase != WriterPhase.Writing)
        {
            return;
        }
        foreach (var progress in _replicas)
        {
            progress.Failed |= !progress.IsIdle && now - progress.ProgressAt >= SilenceMs;
            if (progress is { Failed: false, Resend: true, FramesOutstanding: 0, SyncOutstanding: false })
            {
                progress.Resend = false;
                progress.NextFrame = FrameAt(progress.Received);
            }
        }
        Pump(now, effects);
    }

    /// <summary>The owner wants no more frames here. With frames still on their way, call it when they are acknowledged.</summary>
    public void Seal(List<WriterEffect> effects)
    {
        if (Phase is WriterPhase.Opening or WriterPhase.Writing)
        {
            Phase = WriterPhase.Sealing;
            effects.Add(new(WriterEffectKind.Seal, -1, -1, AcknowledgedLength, false));
        }
    }

    /// <summary>A newer owner was seen elsewhere (the catalog).</summary>
    public void End(List<WriterEffect> effects)
    {
        if (Phase != WriterPhase.Ended)
        {
            Phase = WriterPhase.Ended;
            effects.Add(new(WriterEffectKind.End, -1, -1, AcknowledgedLength, false));
        }
    }

    private void Pump(long now, List<WriterEffect> effects)
    {
        if (Phase != WriterPhase.Writing)
        {
            return;
        }
        Acknowledge(effects);
        if (_replicas.Any(progress => progress.Failed))
        {
            Seal(effects);
            return;
        }
        for (var replica = 0; replica < _replicas.Length; replica++)
        {
            Send(replica, now, effects);
        }
    }

    private void Acknowledge(List<WriterEffect> effects)
    {
        var received = _replicas.Min(progress => progress.Received);
        var synced = SyncedLength;
        while (FramesAcknowledged < FramesSubmitted)
        {
            var frame = Frame(FramesAcknowledged);
            if (frame.End > (frame.Durable ? synced : received))
            {
                break;
            }
            effects.Add(new(WriterEffectKind.Acknowledge, -1, FramesAcknowledged, frame.Offset, frame.Durable));
            FramesAcknowledged++;
            AcknowledgedLength = frame.End;
        }
        DropAcknowledged();
    }

    private void Send(int replica, long now, List<WriterEffect> effects)
    {
        var progress = _replicas[replica];
        if (progress.Resend)
        {
            return;
        }
        if (progress is { FramesOutstanding: 0, SyncOutstanding: false } && progress.Received >= progress.SentEnd)
        {
            progress.ProgressAt = now;
        }
        while (progress.FramesOutstanding < Limits.FramesInFlightMax && progress.NextFrame < FramesSubmitted)
        {
            var frame = Frame(progress.NextFrame);
            if (frame.End - progress.Synced > Limits.UnsyncedBytesMax)
            {
                break;
            }
            effects.Add(new(WriterEffectKind.Append, replica, progress.NextFrame, frame.Offset, frame.Durable));
            progress.NextFrame++;
            progress.SentEnd = Math.Max(progress.SentEnd, frame.End);
            progress.FramesOutstanding++;
        }
        if (!progress.SyncOutstanding && progress.Received > progress.Synced && MustSync(progress))
        {
            effects.Add(new(WriterEffectKind.Sync, replica, -1, progress.Received, false));
            progress.SyncOutstanding = true;
        }
    }

    private bool MustSync(ReplicaProgress progress) =>
        progress.Received - progress.Synced >= SyncAheadBytes
        || (_flushTo > progress.Synced && progress.Received >= _flushTo)
        || OwesDurable(progress);

    /// <summary>A durable append was answered before its sync was done (still at it, or lost): ask for the sync alone.</summary>
    private bool OwesDurable(ReplicaProgress progress)
    {
        for (var i = FramesAcknowledged; i < FramesSubmitted && Frame(i).End <= progress.Received && progress.FramesOutstanding == 0; i++)
        {
            if (Frame(i).Durable && Frame(i).End > progress.Synced)
            {
                return true;
            }
        }
        return false;
    }

    private static void Returned(ReplicaProgress progress, WriterEffectKind call)
    {
        if (call == WriterEffectKind.Sync)
        {
            progress.SyncOutstanding = false;
        }
        else
        {
            progress.FramesOutstanding--;
        }
    }

    private void DropAcknowledged()
    {
        // Dropped in bulk, because taking from the front of a list moves the rest.
        var count = (int)(Math.Min(FramesAcknowledged, _replicas.Min(progress => progress.NextFrame)) - _firstFrame);
        if (count >= 256)
        {
            _frames.RemoveRange(0, count);
            _firstFrame += count;
        }
    }

    private Entry Frame(long number) => _frames[(int)(number - _firstFrame)];

    private long FrameAt(long offset)
    {
        var low = 0;
        var high = _frames.Count;
        while (low < high)
        {
            var middle = (low + high) / 2;
            (low, high) = _frames[middle].Offset < offset ? (middle + 1, high) : (low, middle);
        }
        return _firstFrame + low;
    }

    private readonly record struct Entry(long Offset, int Bytes, bool Durable)
    {
        public long End => Offset + Bytes;
    }
}

public enum WriterPhase
{
    Opening = 1,
    Writing = 2,
    Sealing = 3,
    Ended = 4,
}
