namespace Orleans.DOS.Segments;

/// <summary>
/// One replica on this disk. Everything but <see cref="ReadableLength"/>, <see cref="Broken"/>, <see cref="Flushing"/> and <see cref="MendedTo"/>
/// belongs to the disk thread of the segment.
/// </summary>
internal sealed class StoredSegment(SegmentFileHeader header, ReplicaState state, string path)
{
    private long _readable = state.Length;
    private volatile bool _broken;
    private long _mendedTo;

    public SegmentId Id => header.Segment;
    public ObjectId Object => header.Object;
    public string Path { get; } = path;
    public long HeaderVersion { get; set; } = header.Version;
    public ReplicaState State { get; private set; } = state;
    /// <summary>A write or fsync failed: what the disk holds is unknown until the next start reads it.</summary>
    public bool Broken
    {
        get => _broken;
        set => _broken = value;
    }

    /// <summary>Held while the file is synced, so that who learns that a sync failed is the only one who could.</summary>
    public Lock Flushing { get; } = new();
    public bool Syncing { get; set; }
    public List<(long Length, TaskCompletionSource<ReplicaAnswer> Done)> Waiters { get; } = [];
    /// <summary>Who waits for a length to be received.</summary>
    public List<(long Length, TaskCompletionSource Done)> Overtakers { get; } = [];

    /// <summary>Bytes from the start that a mend, which goes on, has found or made good.</summary>
    public long MendedTo
    {
        get => Volatile.Read(ref _mendedTo);
        set => Volatile.Write(ref _mendedTo, value);
    }

    /// <summary>Bytes that readers of any thread may read.</summary>
    public long ReadableLength => Volatile.Read(ref _readable);

    public void Become(ReplicaState next)
    {
        State = next;
        Volatile.Write(ref _readable, next.Length);
        if (Overtakers.Count > 0)
        {
            Overtakers.FindAll(overtaker => overtaker.Length <= next.Length || next.Sealed).ForEach(overtaker => overtaker.Done.TrySetResult());
            Overtakers.RemoveAll(overtaker => overtaker.Done.Task.IsCompleted);
        }
    }
}
