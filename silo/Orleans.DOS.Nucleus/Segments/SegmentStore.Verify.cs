namespace Orleans.DOS.Segments;

/// <summary>What the scrubber asks, and the mending of what it finds.</summary>
public sealed partial class SegmentStore
{
    /// <summary>
    /// Reads frames from <paramref name="from"/> and checks them. A bad one makes the replica rotten, for good: it says so from then on,
    /// and is mended from the others.
    /// </summary>
    /// <returns>Length: how far it is good. Failed: it is not. InProgress: nothing can be said of it now.</returns>
    public async Task<ReplicaAnswer> VerifyAsync(SegmentId id, long from, int bytesMax)
    {
        if (!_segments.TryGetValue(id.Value, out var segment))
        {
            return Missing();
        }
        var (chunk, fault) = await ReadThreadOf(from).RunAsync(() => (Read(segment, from, bytesMax, out var found), found));
        return fault == ReadFault.None ? Verified(chunk, from) : await OnDisk(id, () => Find(id, now => VerifyAgain(now, from, bytesMax)));
    }

    /// <summary>
    /// On the segment's own thread, where nobody writes meanwhile: a read that met a write, or the end of a seal, or an error that
    /// passes, says nothing of the disk.
    /// </summary>
    private ReplicaAnswer VerifyAgain(StoredSegment segment, long from, int bytesMax)
    {
        var chunk = Read(segment, from, bytesMax, out var fault);
        if (fault == ReadFault.None)
        {
            return Verified(chunk, from);
        }
        if (fault == ReadFault.NotTried)
        {
            return Answer(ReplicaVerdict.InProgress, segment.State);
        }
        if (!segment.State.Rotten)
        {
            var rotten = segment.State with { Rotten = true, Damaged = true };
            WriteHeader(segment, rotten);
            segment.Become(rotten);
        }
        return Answer(ReplicaVerdict.Failed, segment.State);
    }

    private static ReplicaAnswer Verified(SegmentChunk chunk, long from) =>
        chunk.Answer.Outcome == ReplicaOutcome.Done ? chunk.Answer with { Length = from + chunk.Frames.Length } : chunk.Answer;

    /// <summary>Frames of another replica, for places where this one has bad ones or none: its good ones stay. <see cref="FinishCopyAsync"/> ends it.</summary>
    public Task<ReplicaAnswer> MendAsync(SegmentId id, long epoch, long offset, ReadOnlyMemory<byte> frames) => OnDisk(id, () => Find(id, segment =>
    {
        var decision = segment.State.Mend(epoch, offset, frames.Length);
        if (decision.WriteBytes)
        {
            if (FrameCodec.ValidPrefix(frames.Span, id) != frames.Length)
            {
                return Answer(ReplicaVerdict.Failed, segment.State);
            }
            TakeRoom(frames.Length);
            _handles.Use(id.Value, segment.Path, handle =>
            {
                RandomAccess.Write(handle, frames.Span, SegmentFileHeader.LogStart + offset);
                return true;
            });
        }
        Apply(segment, decision);
        return Answer(decision.Verdict, segment.State);
    }));

    /// <summary>How far the mend that is under way has come, in calls of some seconds; forgotten with the process.</summary>
    internal long MendedTo(SegmentId id) => _segments.TryGetValue(id.Value, out var segment) ? segment.MendedTo : 0;

    internal void SetMendedTo(SegmentId id, long length)
    {
        if (_segments.TryGetValue(id.Value, out var segment))
        {
            segment.MendedTo = length;
        }
    }
}
