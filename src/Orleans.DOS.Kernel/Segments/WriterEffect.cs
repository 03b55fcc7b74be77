namespace Orleans.DOS.Segments;

public enum WriterEffectKind
{
    /// <summary>Send frame <see cref="WriterEffect.Frame"/> to <see cref="WriterEffect.Replica"/>; answer by <see cref="SegmentWriter.Answered"/>.</summary>
    Append = 1,
    /// <summary>Ask the replica to sync up to <see cref="WriterEffect.Offset"/>; answer by <see cref="SegmentWriter.Answered"/>.</summary>
    Sync = 2,
    /// <summary>The frame's promise holds: tell its caller.</summary>
    Acknowledge = 3,
    /// <summary>Seal at <see cref="WriterEffect.Offset"/> and move on with what was not acknowledged.</summary>
    Seal = 4,
    /// <summary>A newer owner exists: stop, acknowledge nothing more.</summary>
    End = 5,
}

/// <param name="Replica">Index of the replica; -1 where it has no meaning.</param>
/// <param name="Frame">Number of the frame in this segment, from 0; -1 where it has no meaning.</param>
/// <param name="Sync">With Append: answer only when the frame is on disk.</param>
public readonly record struct WriterEffect(WriterEffectKind Kind, int Replica, long Frame, long Offset, bool Sync);
