using Microsoft.Extensions.Logging;

namespace Orleans.DOS.Processes;

public sealed partial class ProgramHost
{
    private void LogKilled(ProcessId pid, long worker, int neighbours) => LogKilled(_log, pid, worker, neighbours);

    private void LogOutputLost(Exception failure, ProcessId pid, OutputStream stream) => LogOutputLost(_log, failure, pid, stream);

    [LoggerMessage(12, LogLevel.Warning, "The {Stream} of process {Pid} cannot be kept; it runs on")]
    private static partial void LogOutputLost(ILogger log, Exception failure, ProcessId pid, OutputStream stream);

    [LoggerMessage(11, LogLevel.Warning, "Process {Pid} did not obey KILL; its worker {Worker} is ended with {Neighbours} neighbours")]
    private static partial void LogKilled(ILogger log, ProcessId pid, long worker, int neighbours);
}
