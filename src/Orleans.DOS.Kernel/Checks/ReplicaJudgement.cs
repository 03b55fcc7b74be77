namespace Orleans.DOS.Checks;

/// <summary>What is known of a replica that the catalog calls good.</summary>
/// <param name="IsItsDisk">Its node still has the disk on which the replica was made.</param>
/// <param name="HasAnswered">The node is there and answered.</param>
/// <param name="IsThere">The disk has the segment.</param>
/// <param name="Length">Bytes of whole frames on it.</param>
/// <param name="IsRotten">Bytes on it do not fit their checksums.</param>
public readonly record struct ReplicaFacts(bool IsItsDisk, bool HasAnswered, bool IsThere, long Length, bool IsRotten);

/// <summary>What is wrong with a replica.</summary>
public enum ReplicaFault
{
    None = 0,
    Missing,
    Short,
    Rotten,
    OtherDisk,
    /// <summary>Nothing can be said of it now.</summary>
    Unknown,
}

/// <summary>How a segment stands.</summary>
public enum SegmentHealth
{
    Whole = 0,
    /// <summary>Readable, with fewer good replicas than wanted.</summary>
    BelowTarget,
    /// <summary>No replica is known to be good, but nothing is known of some.</summary>
    Away,
    /// <summary>No replica is good, and of each that is known.</summary>
    Lost,
}

/// <summary>Judges replicas of one segment by what their disks say. A disk that says nothing is never called good and never called bad.</summary>
public static class ReplicaJudgement
{
    /// <param name="length">Bytes with which the segment was sealed; 0 while it is open.</param>
    public static ReplicaFault Of(in ReplicaFacts facts, long length) => facts switch
    {
        // The row says so by itself, whether the node is there or not.
        { IsItsDisk: false } => ReplicaFault.OtherDisk,
        { HasAnswered: false } => ReplicaFault.Unknown,
        { IsThere: false } => ReplicaFault.Missing,
        // Before the length: frames behind a rotten one are not counted in it.
        { IsRotten: true } => ReplicaFault.Rotten,
        _ => facts.Length < length ? ReplicaFault.Short : ReplicaFault.None,
    };

    public static SegmentHealth Of(IReadOnlyCollection<ReplicaFault> replicas, long wanted)
    {
        var good = replicas.Count(fault => fault == ReplicaFault.None);
        return good >= wanted ? SegmentHealth.Whole
            : good > 0 ? SegmentHealth.BelowTarget
            : replicas.Contains(ReplicaFault.Unknown) ? SegmentHealth.Away
            : SegmentHealth.Lost;
    }

    /// <summary>Whether a replica may be given up for a new copy: it is known to be bad, and another one is known to be good.</summary>
    public static bool MayGiveUp(ReplicaFault fault, IReadOnlyCollection<ReplicaFault> replicas) =>
        fault is not (ReplicaFault.None or ReplicaFault.Unknown) && replicas.Contains(ReplicaFault.None);
}
