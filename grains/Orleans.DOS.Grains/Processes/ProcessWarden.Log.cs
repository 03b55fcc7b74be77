using Microsoft.Extensions.Logging;

namespace Orleans.DOS.Processes;

public sealed partial class ProcessWarden
{
    [LoggerMessage(41, LogLevel.Warning, "A round of the process warden failed; the next one tries again")]
    private static partial void LogRoundFailed(ILogger log, Exception failure);

    [LoggerMessage(43, LogLevel.Information, "Process {Pid} was deleted; node {Node} keeps its output until there is no room")]
    private static partial void LogNotForgotten(ILogger log, Exception failure, ProcessId pid, NodeId node);

    [LoggerMessage(42, LogLevel.Information, "Process {Pid} lost its node {Node} and is now {State}")]
    private static partial void LogNodeLost(ILogger log, ProcessId pid, NodeId node, ProcessState state);
}
