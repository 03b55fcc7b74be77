namespace Orleans.DOS.Segments;

/// <summary>
/// What an owner knows of one replica.
/// Invariants: 0 &lt;= Synced &lt;= Received &lt;= the end of what was sent; Outstanding counts calls without an answer.
/// </summary>
internal sealed class ReplicaProgress
{
    /// <summary>Bytes that it has, by its own word.</summary>
    public long Received;
    /// <summary>Bytes that it has on disk, by its own word.</summary>
    public long Synced;
    /// <summary>The end of the last frame that was ever sent: between Received and it the replica owes something.</summary>
    public long SentEnd;
    /// <summary>The next frame to send.</summary>
    public long NextFrame;
    public int FramesOutstanding;
    public bool SyncOutstanding;
    /// <summary>A call was lost or answered too early: when nothing is outstanding any more, send again from <see cref="Received"/>.</summary>
    public bool Resend;
    public bool Failed;
    public bool OutOfSpace;
    /// <summary>Milliseconds: when it last gave a sign of life, or when it was last given something to do while idle.</summary>
    public long ProgressAt;

    public bool IsIdle => FramesOutstanding == 0 && !SyncOutstanding && !Resend && Received >= SentEnd;
}
