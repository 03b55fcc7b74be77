using Microsoft.Extensions.Logging;

namespace Orleans.DOS.Processes;

public sealed partial class ProcessWarden
{
    [LoggerMessage(41, LogLevel.Warning, "A round of the process warden failed; the next one tries again")]
    private static partial void LogRoundFailed(ILogger log, Exception failure);

    [LoggerMessage(42, LogLevel.Information, "Process {Pid} lost its node {Node} and is now {State}")]
    private static partial void LogNodeLost(ILogger log, ProcessId pid, NodeId node, ProcessState state);
}
