namespace Orleans.DOS.Files;

/// <summary>
/// How many frames the streams that share this have in flight: each some of its own, so that none waits for another, and beyond those as many as
/// all together may have. One stream alone hides a long round trip; many together do not make a small call wait behind the windows of all
/// (as HTTP/2 has a window for the connection beside those of its streams).
/// </summary>
/// <param name="ownFrames">Frames of each stream, at least 1.</param>
/// <param name="framesMax">Frames of all together beyond which no stream has more than its own; 0: none ever has.</param>
public sealed class TransferWindow(int ownFrames, int framesMax)
{
    private int _inFlight;

    /// <summary>
    /// Of all streams of this process that name no other one. Five frames hide a round trip of a millisecond at 1.2 GB/s; of eleven in flight a small call
    /// on a host of two busy cores waited 18 ms.
    /// </summary>
    public static TransferWindow OfProcess { get; } = new(1, 5);

    public int OwnFrames { get; } = ownFrames;

    /// <summary>Of one stream, when it is alone.</summary>
    public int FramesMax { get; } = Math.Max(ownFrames, framesMax);

    /// <summary>One of a stream's own frames is in flight; <see cref="Return"/> when it is answered.</summary>
    public void Take() => Interlocked.Increment(ref _inFlight);

    /// <summary>One frame more in flight; whoever got it gives it back by <see cref="Return"/> when it is answered.</summary>
    public bool TryBorrow()
    {
        if (Interlocked.Increment(ref _inFlight) <= framesMax)
        {
            return true;
        }
        Return();
        return false;
    }

    public void Return() => Interlocked.Decrement(ref _inFlight);
}
