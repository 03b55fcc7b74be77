using Microsoft.Extensions.Logging;

namespace Orleans.DOS.Jobs;

internal sealed partial class JobGrain
{
    [LoggerMessage(Level = LogLevel.Information, Message = "Coordinates job {Job} under epoch {Epoch}: {Done} of {Tasks} tasks are done")]
    private partial void LogCoordinates(long job, long epoch, int done, int tasks);

    [LoggerMessage(Level = LogLevel.Information, Message = "Job {Job} has ended: {State} {Reason}")]
    private partial void LogEnded(long job, JobState state, string reason);

    [LoggerMessage(Level = LogLevel.Information, Message = "Job {Job} is coordinated elsewhere now")]
    private partial void LogOwnedElsewhere(long job);

    [LoggerMessage(Level = LogLevel.Information, Message = "Job {Job} must wait and tries again")]
    private partial void LogTryingAgain(long job, Exception failure);

    [LoggerMessage(Level = LogLevel.Information, Message = "Job {Job} could not be given up: its next coordinator waits until this node is known to be gone")]
    private partial void LogNotGivenUp(long job, Exception failure);

    [LoggerMessage(Level = LogLevel.Error, Message = "The coordinator of job {Job} met an error that it does not know")]
    private partial void LogSurprise(long job, Exception failure);

    [LoggerMessage(Level = LogLevel.Warning, Message = "Job {Job} lost node {Node}, where {Running} of its tasks ran")]
    private partial void LogNodeLost(long job, string node, int running);

    [LoggerMessage(Level = LogLevel.Debug, Message = "Job {Job} cannot ask node {Node} now")]
    private partial void LogNodeSilent(long job, string node, Exception failure);

    [LoggerMessage(Level = LogLevel.Warning, Message = "Job {Job}: attempt {Attempt} of task {Task} failed on {Node}: {Error}")]
    private partial void LogTaskFailed(long job, int task, int attempt, string node, string error);

    [LoggerMessage(Level = LogLevel.Information, Message = "Job {Job}: {Tasks} tasks from {Task} on could not be started on {Node}")]
    private partial void LogNotStarted(long job, int task, int tasks, string node, Exception failure);

    [LoggerMessage(Level = LogLevel.Information, Message = "Job {Job}: {Attempts} attempts on {Node} came second and are ended")]
    private partial void LogDropped(long job, int attempts, string node);

    [LoggerMessage(Level = LogLevel.Information, Message = "Job {Job} cannot put a result into its place now")]
    private partial void LogNotPlaced(long job, Exception failure);

    [LoggerMessage(Level = LogLevel.Debug, Message = "Job {Job} cannot learn where {Path} lies")]
    private partial void LogNotLocated(long job, string path, Exception failure);
}
