namespace Orleans.DOS.Files;

/// <summary>
/// How many frames the streams that share this have in flight: each some of its own, so that none waits for another, and beyond those what it can borrow.
/// One stream alone hides a long round trip; many together do not make a small call on the same connection wait behind the windows of all
/// (as HTTP/2 has a window for the connection beside those of its streams).
/// </summary>
/// <param name="ownFrames">Frames of each stream, at least 1.</param>
/// <param name="sharedFrames">Frames that all may borrow from, at least 0.</param>
public sealed class TransferWindow(int ownFrames, int sharedFrames)
{
    private int _shared = sharedFrames;

    /// <summary>Of all streams of this process that name no other one.</summary>
    public static TransferWindow OfProcess { get; } = new(1, 7);

    public int OwnFrames { get; } = ownFrames;

    /// <summary>Of one stream, when it has all that can be borrowed.</summary>
    public int FramesMax { get; } = ownFrames + sharedFrames;

    /// <summary>One frame more in flight; whoever got it gives it back by <see cref="Return"/> when the frame is answered.</summary>
    public bool TryBorrow()
    {
        if (Interlocked.Decrement(ref _shared) >= 0)
        {
            return true;
        }
        Return();
        return false;
    }

    public void Return() => Interlocked.Increment(ref _shared);
}
