using Microsoft.Extensions.Logging;

namespace Orleans.DOS.Processes;

public sealed partial class ProcessLauncher
{
    [LoggerMessage(31, LogLevel.Warning, "Whether process {Pid} was started on {Node} is unknown; the warden will see")]
    private static partial void LogUnknown(ILogger log, Exception failure, ProcessId pid, NodeId node);
}
