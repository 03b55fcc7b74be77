namespace Orleans.DOS.Processes;

/// <summary>What the process table knows of one process, as far as its life is concerned. The catalog's row is the truth.</summary>
/// <param name="Incarnation">Number of the newest start, from 1; a Pending row carries the number that its next start will have.</param>
/// <param name="AskedToEnd">The first signal by which somebody asked for its end: no policy starts it again. Null: nobody has.</param>
/// <param name="Node">Where it runs, with the node's own incarnation; null while Pending.</param>
public sealed record ProcessRow(
    ProcessState State,
    long Incarnation,
    NodeId? Node,
    long NodeIncarnation,
    RestartPolicy Restart,
    int Restarts,
    int? ExitCode = null,
    string? Reason = null,
    DateTimeOffset? Started = null,
    DateTimeOffset? Ended = null,
    ProcessSignal? AskedToEnd = null)
{
    public ProcessRow With(ProcessEnding ending) =>
        this with { State = ending.State, ExitCode = ending.ExitCode, Reason = ending.Reason, Ended = ending.Ended };

    public bool HasEnded => State is ProcessState.Exited or ProcessState.Failed;
}

/// <summary>What the last end of a process says in its row.</summary>
public readonly record struct ProcessEnding(ProcessState State, int? ExitCode, string? Reason, DateTimeOffset Ended);
