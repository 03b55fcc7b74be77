using Orleans.Runtime;

namespace Orleans.DOS.Segments;

/// <summary>The segment that is being written, with the frames whose acknowledgement is due.</summary>
/// <param name="addresses">Of the starts of the replicas' nodes that have made them; null where it is not known.</param>
internal sealed class OpenSegment(SegmentId id, IReadOnlyList<Replica> replicas, SiloAddress?[] addresses, long epoch)
{
    public SegmentId Id { get; } = id;
    public IReadOnlyList<Replica> Replicas { get; } = replicas;
    public SiloAddress?[] Addresses { get; } = addresses;
    public SegmentWriter Writer { get; } = new(replicas.Count, epoch);
    public Dictionary<long, PendingAppend> Frames { get; } = [];

    private long _forgotten;

    /// <summary>Drops the buffers of acknowledged frames: every replica has said that it has them.</summary>
    public void ForgetSent()
    {
        for (; _forgotten < Writer.FramesAcknowledged; _forgotten++)
        {
            Frames.Remove(_forgotten);
        }
    }

    /// <summary>Frames that may be sent again, acknowledged or not yet, in order.</summary>
    public IEnumerable<PendingAppend> Unacknowledged =>
        Frames.Where(frame => frame.Key >= Writer.FramesAcknowledged).OrderBy(frame => frame.Key).Select(frame => frame.Value);
}
