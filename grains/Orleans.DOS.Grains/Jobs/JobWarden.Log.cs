using Microsoft.Extensions.Logging;

namespace Orleans.DOS.Jobs;

internal sealed partial class JobWarden
{
    [LoggerMessage(Level = LogLevel.Warning, Message = "Cannot look after jobs now; will try again")]
    private partial void LogCannotWatch(Exception failure);

    [LoggerMessage(Level = LogLevel.Warning, Message = "Cannot wake the coordinator of job {Job} now; will try again")]
    private partial void LogCannotWake(long job, Exception failure);
}
