using Microsoft.Extensions.Logging;

namespace Orleans.DOS.Files;

internal sealed partial class FileGrain
{
    [LoggerMessage(1, LogLevel.Warning, "The checkpoint of {File} failed; the next one is tried later, and a new owner would replay")]
    private static partial void LogCheckpointFailed(ILogger logger, Exception failure, ObjectId file);

    [LoggerMessage(2, LogLevel.Warning, "{File} was not closed cleanly; its next owner takes over")]
    private static partial void LogCloseFailed(ILogger logger, Exception failure, ObjectId file);

    [LoggerMessage(3, LogLevel.Warning, "{File} was removed while it was being opened, and its owner row stays behind")]
    private static partial void LogDisownFailed(ILogger logger, Exception failure, ObjectId file);
}
