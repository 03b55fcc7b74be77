using Microsoft.Extensions.Logging;

namespace Orleans.DOS.Processes;

internal sealed partial class WorkerPool
{
    private void LogStarted(long number, int hostProcess) => LogStarted(_log, number, hostProcess);
    private void LogNotStarted(Exception failure, long number) => LogNotStarted(_log, failure, number);
    private void LogAcceptFailed(Exception failure) => LogAcceptFailed(_log, failure);
    private void LogGreetFailed(Exception failure) => LogGreetFailed(_log, failure);
    private void LogIntruder() => LogIntruder(_log);
    private void LogScratchKept(Exception failure, string directory) => LogScratchKept(_log, failure, directory);

    [LoggerMessage(1, LogLevel.Information, "Worker {Number} runs as host process {HostProcess}")]
    private static partial void LogStarted(ILogger log, long number, int hostProcess);

    [LoggerMessage(2, LogLevel.Error, "Worker {Number} did not come up")]
    private static partial void LogNotStarted(ILogger log, Exception failure, long number);

    [LoggerMessage(3, LogLevel.Warning, "A connection of a worker could not be accepted")]
    private static partial void LogAcceptFailed(ILogger log, Exception failure);

    [LoggerMessage(4, LogLevel.Warning, "A connection to the workers' socket broke before it had said who it is")]
    private static partial void LogGreetFailed(ILogger log, Exception failure);

    [LoggerMessage(5, LogLevel.Warning, "A connection to the workers' socket is not one of this node's workers and was closed")]
    private static partial void LogIntruder(ILogger log);

    [LoggerMessage(6, LogLevel.Warning, "Scratch in {Directory} could not be removed now; the next start of the node does")]
    private static partial void LogScratchKept(ILogger log, Exception failure, string directory);
}
