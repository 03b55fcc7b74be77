namespace Orleans.DOS.Segments;

/// <summary>What the scrubber asks.</summary>
public sealed partial class SegmentStore
{
    /// <summary>
    /// Reads frames from <paramref name="from"/> and checks them. A bad one makes the replica rotten, for good: it says so from then on,
    /// and is copied anew.
    /// </summary>
    /// <returns>Length: how far it is good. Failed: it is not.</returns>
    public async Task<ReplicaAnswer> VerifyAsync(SegmentId id, long from, int bytesMax)
    {
        var chunk = await ReadAsync(id, from, bytesMax);
        if (chunk.Answer.Outcome == ReplicaOutcome.Done && chunk.Frames.Length > 0)
        {
            return chunk.Answer with { Length = from + chunk.Frames.Length };
        }
        return chunk.Answer.Outcome is ReplicaOutcome.NoSuchSegment or ReplicaOutcome.RefusedOffset ? chunk.Answer : await OnDisk(id, () => Find(id, segment =>
        {
            if (!segment.State.Rotten)
            {
                var rotten = segment.State with { Rotten = true, Damaged = true };
                WriteHeader(segment, rotten);
                segment.Become(rotten);
            }
            return Answer(ReplicaVerdict.Failed, segment.State);
        }));
    }
}
