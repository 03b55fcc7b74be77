namespace Orleans.DOS.Segments;

/// <summary>How a replica decided. The same numbers as the wire's ReplicaOutcome: never renumber.</summary>
public enum ReplicaVerdict : short
{
    Done = 1,
    RefusedEpoch = 2,
    RefusedSealed = 3,
    RefusedOffset = 4,
    NoSuchSegment = 5,
    WrongDisk = 6,
    NoSpace = 7,
    Failed = 8,
    InProgress = 9,
}

/// <summary>What to do: first what <see cref="WriteBytes"/> and <see cref="PersistHeader"/> say, then answer with <see cref="Next"/>.</summary>
/// <param name="WriteBytes">The bytes are new: write them at the old length.</param>
/// <param name="PersistHeader">Epoch, seal or length mark changed: the header must be on disk before the answer.</param>
public readonly record struct ReplicaDecision(ReplicaVerdict Verdict, ReplicaState Next, bool WriteBytes, bool PersistHeader);

/// <summary>
/// One replica of one segment, as far as decisions go.
/// Invariants: 0 &lt;= SyncedLength &lt;= Length; Epoch never falls; a sealed replica takes no append ever again.
/// </summary>
/// <param name="Epoch">Highest epoch seen; on disk before any answer that rests on it.</param>
/// <param name="Length">Bytes of whole, valid frames; of a rotten one, how far there are or were some.</param>
/// <param name="SyncedLength">Bytes known to be on disk.</param>
/// <param name="Damaged">Its length proves nothing.</param>
/// <param name="Rotten">A frame that it had on disk fails its checksum: it is no source of a whole log, and takes no more until it is mended.</param>
public readonly record struct ReplicaState(long Epoch, long Length, long SyncedLength, bool Sealed, bool Damaged, bool Rotten = false)
{
    public static ReplicaState Created(long epoch) => new(epoch, 0, 0, false, false);

    /// <summary>The segment exists and is asked to be made again: harmless for the owner of the epoch, refused for an older one.</summary>
    public ReplicaDecision Create(long epoch) =>
        epoch < Epoch ? Refuse(ReplicaVerdict.RefusedEpoch, epoch)
        : Sealed ? Refuse(ReplicaVerdict.RefusedSealed, epoch)
        : Accept(this with { Epoch = epoch }, false);

    public ReplicaDecision Append(long epoch, long offset, int bytes)
    {
        if (epoch < Epoch)
        {
            return Refuse(ReplicaVerdict.RefusedEpoch, epoch);
        }
        if (Sealed)
        {
            return Refuse(ReplicaVerdict.RefusedSealed, epoch);
        }
        if (Rotten)
        {
            return Refuse(ReplicaVerdict.Failed, epoch);
        }
        if (offset + bytes <= Length && offset >= 0)
        {
            return Accept(this with { Epoch = epoch }, false);
        }
        return offset == Length
            ? Accept(this with { Epoch = epoch, Length = Length + bytes }, true)
            : Refuse(ReplicaVerdict.RefusedOffset, epoch);
    }

    /// <summary>Whether syncing up to <paramref name="length"/> makes sense; the disk does it, then <see cref="Synced"/>.</summary>
    public ReplicaDecision Sync(long epoch, long length) =>
        epoch < Epoch ? Refuse(ReplicaVerdict.RefusedEpoch, epoch)
        : length > Length ? Refuse(ReplicaVerdict.RefusedOffset, epoch)
        : Accept(this with { Epoch = epoch }, false);

    /// <param name="length">The owner's: what is beyond it was never acknowledged and goes. Null in a takeover: where it is.</param>
    public ReplicaDecision Seal(long epoch, long? length)
    {
        if (epoch < Epoch)
        {
            return Refuse(ReplicaVerdict.RefusedEpoch, epoch);
        }
        if (length > Length)
        {
            return Refuse(ReplicaVerdict.RefusedOffset, epoch);
        }
        var end = length ?? Length;
        return new(ReplicaVerdict.Done, this with { Epoch = epoch, Length = end, SyncedLength = end, Sealed = true }, false,
            !Sealed || epoch > Epoch || end != Length);
    }

    /// <summary>Frames copied from another replica: taken by a sealed one too, because only the owner of the epoch asks for it.</summary>
    public ReplicaDecision Copy(long epoch, long offset, int bytes) =>
        epoch < Epoch ? Refuse(ReplicaVerdict.RefusedEpoch, epoch)
        : Rotten ? Refuse(ReplicaVerdict.Failed, epoch)
        : offset != Length ? Refuse(ReplicaVerdict.RefusedOffset, epoch)
        : Accept(this with { Epoch = epoch, Length = Length + bytes }, true);

    /// <summary>
    /// A good frame of another replica in the place of a bad one, or behind the end, of a sealed one: its good ones stay, since no other may
    /// have them. It is rotten until <see cref="Copied"/>.
    /// </summary>
    public ReplicaDecision Mend(long epoch, long offset, int bytes) =>
        epoch < Epoch ? Refuse(ReplicaVerdict.RefusedEpoch, epoch)
        : !Rotten || !Sealed ? Refuse(ReplicaVerdict.Failed, epoch)
        : offset < 0 || offset > Length ? Refuse(ReplicaVerdict.RefusedOffset, epoch)
        : Accept(this with { Epoch = epoch, Length = Math.Max(Length, offset + bytes), SyncedLength = Math.Min(SyncedLength, offset) }, true);

    /// <summary>The copy is complete and on disk: the replica is as good as its source.</summary>
    public ReplicaState Copied(bool seal) => this with { SyncedLength = Length, Sealed = Sealed || seal, Damaged = false, Rotten = false };

    /// <summary>The disk has everything up to <paramref name="length"/>.</summary>
    public ReplicaState Synced(long length) => this with { SyncedLength = Math.Max(SyncedLength, Math.Min(length, Length)) };

    /// <summary>
    /// After a start. Of an open segment a bad end is a <b>tail</b>, which was never synced and may go, when nothing good lies behind it,
    /// or when power was lost (<paramref name="cacheSurvived"/> is false) and it begins behind what is known to have been synced: pages
    /// reach a disk in any order. Everything else is <b>rot</b>: nothing is dropped, because what lies behind it may have been acknowledged.
    /// Without the cache frames may also have vanished at a frame's border, where no checksum can see it: damaged.
    /// </summary>
    /// <param name="synced">Bytes known to have been on disk, by the replica's own header.</param>
    public ReplicaState Recovered(LogScan scan, long synced, bool cacheSurvived)
    {
        if (Sealed)
        {
            var length = Math.Min(scan.FileEnd, Length);
            return this with { Length = length, SyncedLength = length, Damaged = Damaged || length < Length };
        }
        var rotten = Rotten || scan.ValidEnd < synced || (cacheSurvived && scan.LastGoodEnd > scan.ValidEnd);
        // The last frame may be the bad one: what was synced was there, and may have been acknowledged.
        var end = rotten ? Math.Max(synced, Math.Max(scan.ValidEnd, scan.LastGoodEnd)) : scan.ValidEnd;
        return this with { Length = end, SyncedLength = end, Rotten = rotten, Damaged = Damaged || rotten || scan.FileEnd > end || !cacheSurvived };
    }

    /// <summary>A refusal too is an answer that shows the epoch: what was seen is kept, and on disk first.</summary>
    private ReplicaDecision Refuse(ReplicaVerdict verdict, long epoch) => new(verdict, this with { Epoch = Math.Max(Epoch, epoch) }, false, epoch > Epoch);
    private ReplicaDecision Accept(ReplicaState next, bool write) => new(ReplicaVerdict.Done, next, write, next.Epoch > Epoch);
}
