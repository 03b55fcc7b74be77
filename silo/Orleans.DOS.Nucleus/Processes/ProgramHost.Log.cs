using Microsoft.Extensions.Logging;

namespace Orleans.DOS.Processes;

public sealed partial class ProgramHost
{
    private void LogKilled(ProcessId pid, long worker, int neighbours) => LogKilled(_log, pid, worker, neighbours);

    [LoggerMessage(11, LogLevel.Warning, "Process {Pid} did not obey KILL; its worker {Worker} is ended with {Neighbours} neighbours")]
    private static partial void LogKilled(ILogger log, ProcessId pid, long worker, int neighbours);
}
