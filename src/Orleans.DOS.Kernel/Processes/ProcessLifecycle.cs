namespace Orleans.DOS.Processes;

/// <summary>
/// The life of a process as pure transitions of its row:
/// <code>
/// Pending --Start--> Running --Exit(own end)--> Exited | (policy) Pending, incarnation + 1
///                    Running --Exit(failure), NodeLost--> Failed | (policy) Pending, incarnation + 1
///                    Running --Unstart--> Pending, incarnation + 1 (nothing ran)
/// Pending --AskEnd--> Exited; Running --AskEnd--> Running, never to be started again
/// </code>
/// Exactly one incarnation acts: a report of another incarnation, or from another node, is refused and changes nothing.
/// </summary>
public static class ProcessLifecycle
{
    /// <summary>Reason of a process whose node died.</summary>
    public const string NodeLost = "NodeLost";

    /// <summary>Starts that follow each other without a pause longer than <see cref="RestartCalm"/>; the next one is not made: supervision with a bound.</summary>
    public const int RestartsMax = 10;

    /// <summary>A process that ran this long has its restarts counted anew.</summary>
    public static readonly TimeSpan RestartCalm = TimeSpan.FromMinutes(1);

    public static ProcessRow New(RestartPolicy restart) => new(ProcessState.Pending, 1, null, 0, restart, 0);

    /// <summary>The next start, on a node that was chosen for it.</summary>
    /// <returns>Null when the row does not wait for a start.</returns>
    public static ProcessRow? Start(ProcessRow row, NodeId node, long nodeIncarnation, DateTimeOffset instant) => row.State == ProcessState.Pending
        ? row with { State = ProcessState.Running, Node = node, NodeIncarnation = nodeIncarnation, Started = instant, Reason = null }
        : null;

    /// <summary>The chosen node had no room after all: back to waiting. The number is used up, so that a late start there is stale.</summary>
    public static ProcessRow? Unstart(ProcessRow row, long incarnation, NodeId node, string reason) => IsAbout(row, incarnation, node)
        ? row with { State = ProcessState.Pending, Incarnation = row.Incarnation + 1, Node = null, NodeIncarnation = 0, Started = null, Reason = reason }
        : null;

    /// <summary>The node reports the end of an incarnation.</summary>
    /// <returns>Null for a report that is not about the incarnation that runs there: it is refused.</returns>
    public static ProcessRow? Exit(ProcessRow row, long incarnation, NodeId node, int exitCode, string? failure, DateTimeOffset ended)
    {
        if (!IsAbout(row, incarnation, node))
        {
            return null;
        }
        return failure is null
            ? WantsRestart(row, exitCode) ? Again(row, ended, $"ended with code {exitCode}") ?? Exited(row, exitCode, ended) : Exited(row, exitCode, ended)
            : WantsRestart(row, exitCode: null) ? Again(row, ended, failure) ?? Failed(row, failure, ended) : Failed(row, failure, ended);
    }

    /// <summary>
    /// What <see cref="Exit"/> makes of any row that runs there under <see cref="RestartPolicy.Never"/>: such an end can be written without
    /// reading the row first, under the condition that it is one.
    /// </summary>
    public static ProcessEnding LastExit(int exitCode, string? failure, DateTimeOffset ended) => failure is null
        ? new ProcessEnding(ProcessState.Exited, exitCode, null, ended)
        : new ProcessEnding(ProcessState.Failed, null, failure, ended);

    /// <summary>The incarnation of the node is fenced: nothing of it acts any more.</summary>
    /// <returns>Null when the row is not about that incarnation of the node.</returns>
    public static ProcessRow? LoseNode(ProcessRow row, NodeId node, long nodeIncarnation, DateTimeOffset instant) =>
        row.State is not (ProcessState.Running or ProcessState.Stopped) || row.Node != node || row.NodeIncarnation != nodeIncarnation
            ? null
            : WantsRestart(row, exitCode: null) ? Again(row, instant, NodeLost) ?? Failed(row, NodeLost, instant) : Failed(row, NodeLost, instant);

    /// <summary>
    /// Somebody asks for the end by INT, TERM or KILL. What waits for its start has ended with that; what runs is not started again,
    /// however it answers to the signal, while its policy stays what it was.
    /// </summary>
    /// <returns>Null when nothing needs to be recorded: it has ended, was asked before, or would not be started again anyway.</returns>
    public static ProcessRow? AskEnd(ProcessRow row, ProcessSignal signal, DateTimeOffset instant) => row.State switch
    {
        ProcessState.Pending => Exited(row with { AskedToEnd = signal }, 128 + (int)signal, instant),
        ProcessState.Running or ProcessState.Stopped when row.AskedToEnd is null && row.Restart != RestartPolicy.Never => row with { AskedToEnd = signal },
        _ => null,
    };

    private static bool IsAbout(ProcessRow row, long incarnation, NodeId node) =>
        row.State is ProcessState.Running or ProcessState.Stopped && row.Incarnation == incarnation && row.Node == node;

    /// <param name="exitCode">Null: it did not end by itself.</param>
    private static bool WantsRestart(ProcessRow row, int? exitCode) => row.AskedToEnd is null && row.Restart switch
    {
        RestartPolicy.Never => false,
        RestartPolicy.OnFailure => exitCode != 0,
        RestartPolicy.Always => true,
        _ => throw new ArgumentOutOfRangeException(nameof(row), row.Restart, "no restart policy"),
    };

    /// <returns>Null when it was restarted too often.</returns>
    private static ProcessRow? Again(ProcessRow row, DateTimeOffset instant, string reason)
    {
        var restarts = row.Started is { } started && instant - started >= RestartCalm ? 1 : row.Restarts + 1;
        return restarts > RestartsMax
            ? null
            : row with
            {
                State = ProcessState.Pending, Incarnation = row.Incarnation + 1, Node = null, NodeIncarnation = 0,
                Restarts = restarts, Started = null, Reason = $"restart after: {reason}",
            };
    }

    private static ProcessRow Exited(ProcessRow row, int exitCode, DateTimeOffset ended) =>
        row with { State = ProcessState.Exited, ExitCode = exitCode, Reason = null, Ended = ended };

    private static ProcessRow Failed(ProcessRow row, string reason, DateTimeOffset ended) =>
        row with { State = ProcessState.Failed, Reason = reason, Ended = ended };
}
