namespace Orleans.DOS.Processes;

/// <summary>Settings of a node's program host.</summary>
public sealed record ProgramHostOptions
{
    /// <summary>The worker's assembly; by default in <c>worker/</c> beside the node's binaries.</summary>
    public string WorkerPath { get; init; } = Path.Combine(AppContext.BaseDirectory, "worker", "Orleans.DOS.Worker.dll");

    /// <summary>Directory of captured output; emptied at start, because what it holds belongs to incarnations of a dead node.</summary>
    public required string OutputDirectory { get; init; }

    /// <summary>Workers at most; 0: one more than cores, so that a task on every core leaves one for programs.</summary>
    public int WorkersMax { get; init; }

    /// <summary>Ended incarnations whose end was told and that are remembered if nobody forgets them: bounds memory and disk.</summary>
    public int EndedMax { get; init; } = 4096;

    /// <summary>Bytes of output of such incarnations: beyond it the oldest are forgotten, however few they are.</summary>
    public long EndedOutputBytesMax { get; init; } = Limits.EndedOutputBytesMax;

    /// <summary>Tasks of jobs that run at once; 0: as many as cores.</summary>
    public int TaskSlots { get; init; }

    public int ProcessesMax { get; init; } = Limits.ProcessesPerNodeMax;

    /// <summary>Bytes of captured output per stream.</summary>
    public long CapturedOutputBytesMax { get; init; } = Limits.CapturedOutputBytesMax;

    /// <summary>What a program has between TERM and KILL.</summary>
    public TimeSpan TerminationGrace { get; init; } = TimeSpan.FromSeconds(5);

    /// <summary>What a program has between the request to stop at once (its streams are broken) and the end of its whole worker.</summary>
    public TimeSpan KillGrace { get; init; } = TimeSpan.FromMilliseconds(500);

    internal int Workers => WorkersMax > 0 ? WorkersMax : Environment.ProcessorCount + 1;
    internal int Slots => TaskSlots > 0 ? TaskSlots : Environment.ProcessorCount;
}
