using System.Diagnostics;

namespace Orleans.DOS.Node.Tests.Chaos.Histories;

public enum OperationKind
{
    Append,
    ReadLog,
    Put,
    Get,
    Spawn,
    Rename,

    /// <summary>Under which names a file is.</summary>
    Look,
}

public enum Outcome
{
    Done,

    /// <summary>The caller was told that nothing was done.</summary>
    Refused,

    /// <summary>It was answered, and the answer was no: what is to be renamed is not there any more. Nothing was done.</summary>
    Declined,

    /// <summary>It may have been carried out, or may yet be.</summary>
    Unknown,
}

/// <summary>One call of a client, as the client saw it.</summary>
/// <param name="Object">The file.</param>
/// <param name="Value">Of an append or a put: unique in the history. Of a get: what was there; null for nothing.</param>
/// <param name="Seen">Of a read of a log: its records in their order; see also <see cref="MoveChecker"/>.</param>
/// <param name="Start">Timestamp of <see cref="Stopwatch"/>, before the call was issued.</param>
/// <param name="End">After its answer.</param>
public sealed record Operation(
    OperationKind Kind, string Object, string? Value, long Start, long End, Outcome Outcome, IReadOnlyList<string>? Seen = null, string? Failure = null)
{
    /// <summary>Until when it may take effect: for ever if nobody knows.</summary>
    public long Latest => Outcome == Outcome.Unknown ? long.MaxValue : End;

    public TimeSpan Took => Stopwatch.GetElapsedTime(Start, End);

    public override string ToString() => $"{Kind} {Value ?? (Seen is null ? "nothing" : $"{Seen.Count} records")} [{Start}, {End}] {Outcome}";
}
