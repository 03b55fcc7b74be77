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
    /// <summary>A wiped disk answers for what it had before as if that had been empty.</summary>
    WipedDiskCountedAsEmpty,
    /// <summary>A bad frame ends the log although good ones lie behind it.</summary>
    BadFrameTakenForTail,
    /// <summary>A replica that refuses an owner by epoch is taken to have done what it was asked. To take it for a failed one is harmless: see SAFETY.md.</summary>
    RefusalTakenForDone,
    /// <summary>A rotten copy is deleted before it is known whether its source has all that it had.</summary>
    RottenCopyDeletedFirst,
    /// <summary>A disk is swept by names that were read before its files were listed.</summary>
    CreatedSegmentCollected,
    /// <summary>A checkpoint names frames that are not on the disks yet.</summary>
    ExtentBeforeItsBytes,
}
