namespace Orleans.DOS.Jobs;

/// <summary>Stored: never renumber.</summary>
public enum JobState : short { Planning = 1, Mapping = 2, Reducing = 3, Succeeded = 4, Failed = 5, Cancelled = 6 }

/// <summary>How the input is cut into tasks. Stored: never renumber.</summary>
public enum JobSplit : short { ByRange = 1, ByFile = 2, ByProgram = 3 }

/// <summary>How keys are given to reducers. Stored: never renumber.</summary>
public enum JobPartitioning : short
{
    /// <summary>By hash of the key.</summary>
    Hash = 1,
    /// <summary>By ranges of keys, found by sampling, so that the outputs of all partitions in a row are sorted.</summary>
    Range = 2,
    /// <summary>No reduction: a map task's output is its part of the result.</summary>
    None = 3,
}

[GenerateSerializer, Immutable, Alias("dos.JobSpec")]
public sealed record JobSpec
{
    /// <summary>A program that is an <see cref="IJobProgram"/>.</summary>
    [Id(0)] public required string Program { get; init; }
    /// <summary>Files and directories (all files under them). None with <see cref="JobSplit.ByProgram"/>.</summary>
    [Id(1)] public required IReadOnlyList<string> Inputs { get; init; }
    [Id(2)] public IReadOnlyDictionary<string, string> Parameters { get; init; } = new Dictionary<string, string>();
    /// <summary>Directory for the results <c>part-00000</c>...; null: <c>/jobs/&lt;id&gt;</c>.</summary>
    [Id(3)] public string? Output { get; init; }
    [Id(4)] public JobSplit Split { get; init; } = JobSplit.ByRange;
    /// <summary>Bytes of input per task, at least 64 KiB.</summary>
    [Id(5)] public long RangeBytes { get; init; } = 16L * 1024 * 1024;
    /// <summary>Reduce partitions; 0: one per node.</summary>
    [Id(6)] public int Partitions { get; init; }
    [Id(7)] public int AttemptsMax { get; init; } = Limits.TaskAttemptsMax;
}

[GenerateSerializer, Immutable, Alias("dos.JobStatus")]
public sealed record JobStatus
{
    [Id(0)] public required JobId Id { get; init; }
    [Id(1)] public required string Program { get; init; }
    [Id(2)] public required JobState State { get; init; }
    [Id(3)] public string? Reason { get; init; }
    [Id(4)] public int Tasks { get; init; }
    [Id(5)] public int TasksRunning { get; init; }
    [Id(6)] public int TasksDone { get; init; }
    /// <summary>Runs begun again after a lost worker or node or an error.</summary>
    [Id(7)] public int TasksRetried { get; init; }
    [Id(8)] public long BytesTotal { get; init; }
    [Id(9)] public long BytesDone { get; init; }
    /// <summary>Input bytes that were read on a node that holds them.</summary>
    [Id(10)] public long BytesLocal { get; init; }
    [Id(11)] public required string Output { get; init; }
    /// <summary>Result files in the order of the result, when the job has succeeded.</summary>
    [Id(12)] public IReadOnlyList<string> Results { get; init; } = [];
    /// <summary>The node of the coordinator.</summary>
    [Id(13)] public NodeId? Coordinator { get; init; }
    [Id(14)] public DateTimeOffset Created { get; init; }
    [Id(15)] public DateTimeOffset? Ended { get; init; }
    [Id(16)] public required string Owner { get; init; }
    /// <summary>Tasks running now, by node.</summary>
    [Id(17)] public IReadOnlyDictionary<string, int> RunningByNode { get; init; } = new Dictionary<string, int>();
    /// <summary>Result files that are whole and in their place, while the job runs; which they are, <see cref="JobResults"/> tells.</summary>
    [Id(18)] public int ResultsReady { get; init; }
    public bool HasEnded => State is JobState.Succeeded or JobState.Failed or JobState.Cancelled;
}
