using Microsoft.Extensions.Logging;

namespace Orleans.DOS.Segments;

public sealed partial class SegmentStore
{
    [LoggerMessage(Level = LogLevel.Error, Message = "Disk call for segment {Segment} in {Directory} failed")]
    private static partial void LogDiskFailed(ILogger log, Exception exception, SegmentId segment, string directory);

    [LoggerMessage(Level = LogLevel.Error, Message = "Segments in {Directory} could not be synced at the end; the next start treats them as after a crash")]
    private static partial void LogSyncFailed(ILogger log, Exception exception, string directory);

    [LoggerMessage(Level = LogLevel.Error, Message = "Segment {Segment} in {Directory}: the frame at {Offset} fails its checksum")]
    private static partial void LogReadDamaged(ILogger log, SegmentId segment, long offset, string directory);

    [LoggerMessage(Level = LogLevel.Warning, Message = "Segment {Segment} in {Directory} is damaged: {Valid} of {End} bytes are whole frames")]
    private static partial void LogDamaged(ILogger log, SegmentId segment, long valid, long end, string directory);

    [LoggerMessage(Level = LogLevel.Error, Message = "{Path} holds frames and has no valid header any more: the segment is rotten here")]
    private static partial void LogHeaderLost(ILogger log, string path);

    [LoggerMessage(Level = LogLevel.Warning, Message = "{Path} has no valid header: it was being made when the node ended")]
    private static partial void LogNoHeader(ILogger log, string path);
}
