namespace Orleans.DOS.Processes;

/// <summary>States of a process. Stored: never renumber. Pending -> Running (-> Stopped -> Running) -> Exited | Failed; a restart goes back to Pending.</summary>
public enum ProcessState : short { Pending = 1, Running = 2, Stopped = 3, Exited = 4, Failed = 5 }

/// <summary>What happens when a process ends or its node dies. Stored: never renumber.</summary>
public enum RestartPolicy : short { Never = 0, OnFailure = 1, Always = 2 }

/// <summary>Numbers as on Linux.</summary>
public enum ProcessSignal : short { Interrupt = 2, Kill = 9, Terminate = 15, Continue = 18, Stop = 19 }

public enum OutputStream : byte { StandardOutput = 1, StandardError = 2 }

/// <summary>What to run.</summary>
[GenerateSerializer, Immutable, Alias("dos.ProcessSpec")]
public sealed record ProcessSpec
{
    /// <summary>A name of the userland (<c>wordcount</c>) or of an installed program.</summary>
    [Id(0)] public required string Program { get; init; }
    [Id(1)] public IReadOnlyList<string> Arguments { get; init; } = [];
    [Id(2)] public IReadOnlyDictionary<string, string> Environment { get; init; } = new Dictionary<string, string>();
    [Id(3)] public string WorkingDirectory { get; init; } = "/";
    [Id(4)] public RestartPolicy Restart { get; init; }
    /// <summary>Whether somebody will write to standard input; otherwise it is at its end from the start.</summary>
    [Id(5)] public bool HasStandardInput { get; init; }
    [Id(6)] public ProcessId? Parent { get; init; }
    /// <summary>Required labels of the node, e.g. zone=a.</summary>
    [Id(7)] public IReadOnlyDictionary<string, string> Labels { get; init; } = new Dictionary<string, string>();
}

[GenerateSerializer, Immutable, Alias("dos.ProcessStatus")]
public sealed record ProcessStatus
{
    [Id(0)] public required ProcessId Pid { get; init; }
    [Id(1)] public required string Program { get; init; }
    [Id(2)] public required IReadOnlyList<string> Arguments { get; init; }
    [Id(3)] public required ProcessState State { get; init; }
    /// <summary>Of <see cref="ProcessState.Exited"/>: 0 to 255; ended by a signal: 128 + its number.</summary>
    [Id(4)] public int? ExitCode { get; init; }
    /// <summary>Of <see cref="ProcessState.Failed"/>, e.g. <c>NodeLost</c>; of Pending: what it waits for.</summary>
    [Id(5)] public string? Reason { get; init; }
    [Id(6)] public NodeId? Node { get; init; }
    [Id(7)] public long Incarnation { get; init; }
    [Id(8)] public RestartPolicy Restart { get; init; }
    [Id(9)] public int Restarts { get; init; }
    [Id(10)] public required string Owner { get; init; }
    [Id(11)] public DateTimeOffset Created { get; init; }
    [Id(12)] public DateTimeOffset? Started { get; init; }
    [Id(13)] public DateTimeOffset? Ended { get; init; }
    [Id(14)] public ProcessId? Parent { get; init; }

    public bool HasEnded => State is ProcessState.Exited or ProcessState.Failed;
}

/// <summary>A piece of captured output.</summary>
/// <param name="Position">Of the first byte, counted from the first byte ever written by this incarnation; larger than asked for if older output was dropped.</param>
/// <param name="End">True when the stream is closed and nothing follows this piece.</param>
/// <param name="Incarnation">Whose output it is; a reader of an older incarnation starts again at 0.</param>
[GenerateSerializer, Immutable, Alias("dos.OutputChunk")]
public sealed record OutputChunk([property: Id(0)] long Position, [property: Id(1)] byte[] Data, [property: Id(2)] bool End, [property: Id(3)] long Incarnation);
