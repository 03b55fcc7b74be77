using Orleans.DOS.Segments;

namespace Orleans.DOS.Files;

/// <summary>The content as one instant knew it.</summary>
/// <param name="Place">The end of the last frame that is in it.</param>
/// <param name="Requests">See <see cref="RequestWindow.Encode"/>.</param>
internal sealed record AppliedContent(
    ExtentMap Map, byte[]? Inline, long Size, long ModifiedAt, long Writes, (SegmentId Segment, long Offset)? Place, string? Writer, byte[] Requests);
