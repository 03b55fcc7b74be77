using Microsoft.Extensions.Logging;

namespace Orleans.DOS.Processes;

public sealed partial class ExitTeller
{
    [LoggerMessage(21, LogLevel.Warning, "The end of process {Pid} could not be told; trying again")]
    private static partial void LogNotTold(ILogger log, Exception failure, ProcessId pid);
}
