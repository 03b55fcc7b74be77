using Orleans.DOS.Segments;

namespace Orleans.DOS.Files;

/// <summary>Takes raw frames of one segment apart and checks them: a wrong or foreign byte never reaches a reader.</summary>
internal static class FrameRun
{
    public readonly record struct Frame(long Offset, ReadOnlyMemory<byte> Payload);

    /// <exception cref="DosException">Damaged: a checksum does not fit, or the frame is of another object or segment.</exception>
    public static IEnumerable<Frame> Of(byte[] raw, long offset, ObjectId target, SegmentId segment)
    {
        for (var at = 0; at < raw.Length;)
        {
            if (!FrameCodec.TryDecode(raw.AsSpan(at), out var header) || header.Object != target || header.Segment != segment)
            {
                throw new DosException(DosErrorCode.Damaged, $"the frame at {offset + at} of segment {segment} is not a whole frame of {target}");
            }
            yield return new Frame(offset + at, raw.AsMemory(at + FrameCodec.HeaderBytes, header.PayloadLength));
            at += header.FrameLength;
        }
    }
}
