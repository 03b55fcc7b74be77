namespace Orleans.DOS.Checks;

/// <summary>A part of a file and the frames that hold it, as the catalog says.</summary>
/// <param name="FramePayload">Bytes of payload of each frame but the last.</param>
/// <param name="PayloadSkip">Bytes of the first frame's payload that belong to an overwritten part.</param>
public readonly record struct ExtentFacts(long Position, long Length, long SegmentOffset, long FramePayload, long PayloadSkip);

/// <summary>Judges parts of files by the segments they lie in.</summary>
public static class ExtentJudgement
{
    /// <returns>The least length of the segment's log with which the part is wholly in it; -1 when there can be no such part.</returns>
    public static long EndInSegment(in ExtentFacts extent, int frameHeaderBytes)
    {
        if (extent is not { Position: >= 0, Length: > 0, SegmentOffset: >= 0, FramePayload: > 0, PayloadSkip: >= 0 } || extent.Position > long.MaxValue - extent.Length)
        {
            return -1;
        }
        var payload = (Int128)extent.PayloadSkip + extent.Length;
        var frames = (payload + extent.FramePayload - 1) / extent.FramePayload;
        var end = extent.SegmentOffset + payload + (frames * frameHeaderBytes);
        return end > long.MaxValue ? -1 : (long)end;
    }
}
