using Orleans.DOS.Security;

namespace Orleans.DOS.Jobs;

/// <summary>Sent: never renumber.</summary>
public enum TaskKind : short { Map = 1, Reduce = 2, Sample = 3 }

/// <summary>A piece of input: for Map a file range (records that begin inside it belong to it), for Reduce a byte range of a map output.</summary>
[GenerateSerializer, Immutable, Alias("dos.TaskInput")]
public sealed record TaskInput([property: Id(0)] string Path, [property: Id(1)] long Position, [property: Id(2)] long Length)
{
    /// <summary>Of an input of the job: bytes of the file when the job was planned; what lies behind them is not there. Null: not known.</summary>
    [Id(3)] public long? FileSize { get; init; }
    /// <summary>Of an input of the job: the file that was planned; None: whichever has the path.</summary>
    [Id(4)] public InodeId Inode { get; init; }
}

[GenerateSerializer, Immutable, Alias("dos.TaskStart")]
public sealed record TaskStart
{
    [Id(0)] public int Version { get; init; } = 1;
    [Id(1)] public required MachineId Machine { get; init; }
    [Id(2)] public required string MachineName { get; init; }
    [Id(3)] public required JobId Job { get; init; }
    [Id(4)] public required long CoordinatorEpoch { get; init; }
    /// <summary>Number in the job; with <see cref="Attempt"/> unique.</summary>
    [Id(5)] public required int Task { get; init; }
    [Id(6)] public required int Attempt { get; init; }
    [Id(7)] public required TaskKind Kind { get; init; }
    [Id(8)] public required string Program { get; init; }
    [Id(9)] public IReadOnlyDictionary<string, string> Parameters { get; init; } = new Dictionary<string, string>();
    [Id(10)] public required IReadOnlyList<TaskInput> Inputs { get; init; }
    /// <summary>File that this attempt alone writes.</summary>
    [Id(11)] public required string Output { get; init; }
    [Id(12)] public int Partitions { get; init; }
    /// <summary>For JobPartitioning.Range: the first key of each partition but the first.</summary>
    [Id(13)] public IReadOnlyList<byte[]> Boundaries { get; init; } = [];
    [Id(14)] public required Principal Principal { get; init; }
    [Id(15)] public int OutputReplicas { get; init; } = 1;
    /// <summary>Of <see cref="JobSplit.ByProgram"/>: nothing is read; Map is given the task's number as its only record.</summary>
    [Id(16)] public bool IsNumbered { get; init; }
    /// <summary>(attempt-unique) identity used in reports: the task in the high, the attempt in the low 32 bits.</summary>
    public long Key => KeyOf(Task, Attempt);
    public static long KeyOf(int task, int attempt) => ((long)task << 32) | (uint)attempt;
}

[GenerateSerializer, Immutable, Alias("dos.TaskReport")]
public sealed record TaskReport
{
    [Id(0)] public required JobId Job { get; init; }
    [Id(1)] public required int Task { get; init; }
    [Id(2)] public required int Attempt { get; init; }
    /// <summary>Null when it succeeded.</summary>
    [Id(3)] public string? Error { get; init; }
    /// <summary>Of Map: where each partition begins and how long it is in the output.</summary>
    [Id(4)] public IReadOnlyList<(long Position, long Length)> Partitions { get; init; } = [];
    [Id(5)] public long BytesRead { get; init; }
    [Id(6)] public long Records { get; init; }
    /// <summary>Of Sample: keys drawn.</summary>
    [Id(7)] public IReadOnlyList<byte[]> Samples { get; init; } = [];
    /// <summary>Of a failed Reduce: the map output that could not be read; its map task has to run again if it is lost.</summary>
    [Id(8)] public string? LostInput { get; init; }
    /// <summary>Of Map: where the output lies, so that the coordinator knows what dies with a node. Empty when it lies in the catalog.</summary>
    [Id(9)] public IReadOnlyList<Files.FileLocation> OutputLocations { get; init; } = [];
    /// <summary>The file that this attempt wrote; empty when it had nothing to write.</summary>
    [Id(10)] public string Output { get; init; } = "";
    /// <summary>Of <see cref="Error"/>, when it is one of the closed list: Unavailable and OutcomeUnknown are not the task's fault.</summary>
    [Id(11)] public DosErrorCode? ErrorCode { get; init; }
    /// <summary>Its worker ended while others were in it too, one of which may be the cause.</summary>
    [Id(12)] public bool IsWorkerLost { get; init; }
    /// <summary>How long it ran in its worker.</summary>
    [Id(13)] public TimeSpan Ran { get; init; }
    /// <summary>Of Map, said by the coordinator before it journals: input bytes that its node holds.</summary>
    [Id(14)] public long BytesLocal { get; init; }
    public long Key => ((long)Task << 32) | (uint)Attempt;
}
