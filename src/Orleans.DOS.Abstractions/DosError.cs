namespace Orleans.DOS;

/// <summary>
/// The closed list of failures, the same in .NET (<see cref="DosException.Error"/>), in HTTP (RFC 9457 problem, member
/// <c>code</c>) and in the command line (exit code and sentence). Values are stored and sent: never renumber.
/// </summary>
[GenerateSerializer, Alias("dos.ErrorCode")]
public enum DosErrorCode
{
    /// <summary>A bug: something the code holds impossible. Never used for bad input or a failed resource.</summary>
    Internal = 1,
    InvalidArgument = 2,
    /// <summary>No or a wrong credential.</summary>
    Unauthenticated = 3,
    /// <summary>The credential is good, but does not allow this.</summary>
    PermissionDenied = 4,
    /// <summary>What the call needs cannot be reached now; nothing was changed; try again.</summary>
    Unavailable = 5,
    /// <summary>The call timed out or its answer was lost: it may or may not have been carried out. Repeat it with the same request id.</summary>
    OutcomeUnknown = 6,
    Cancelled = 7,
    /// <summary>A bound of <see cref="Limits"/> or of the machine would be exceeded.</summary>
    LimitExceeded = 8,
    /// <summary>The caller's epoch, incarnation or fence is not the newest.</summary>
    Stale = 9,
    /// <summary>The same request id came again with other content.</summary>
    StepDiverged = 10,
    /// <summary>Something else changed the object in between; read again and retry.</summary>
    Conflict = 11,
    NotSupported = 12,

    InvalidPath = 20,
    NameTooLong = 21,
    PathTooLong = 22,
    NoSuchPath = 23,
    PathExists = 24,
    NotADirectory = 25,
    IsADirectory = 26,
    DirectoryNotEmpty = 27,
    TooManyLinks = 28,
    /// <summary>A rename would put a directory under itself.</summary>
    WouldCycle = 29,
    NoSpace = 30,
    /// <summary>Stored bytes failed their checksum on every replica that answered.</summary>
    Damaged = 31,
    ReadOnlyPath = 32,

    NoSuchProcess = 40,
    UnknownProgram = 41,
    /// <summary>The process is not running (it has ended, or has not started yet).</summary>
    NotRunning = 42,
    /// <summary>The standard input of the process is closed.</summary>
    PipeClosed = 43,

    NoSuchJob = 50,
    NoSuchNode = 60,
    NoSuchMachine = 61,

    /// <summary>The data directory or database belongs to another cluster.</summary>
    WrongCluster = 70,
    /// <summary>The schema is newer than this release can use.</summary>
    SchemaTooNew = 71,
    /// <summary>The schema is older than this release needs, and migrating was not allowed.</summary>
    SchemaTooOld = 72,
    /// <summary>Another process uses this data directory.</summary>
    InUse = 73,
    PortInUse = 74,
}

/// <summary>An expected failure, told to the caller as a value.</summary>
/// <param name="Code">Which of the closed list.</param>
/// <param name="Message">One clear sentence without a stop at the end; names the object and, for a limit, its value.</param>
/// <param name="RetryAfter">When to try again, where that is known.</param>
[GenerateSerializer, Immutable, Alias("dos.Error")]
public sealed record DosError(
    [property: Id(0)] DosErrorCode Code,
    [property: Id(1)] string Message,
    [property: Id(2)] TimeSpan? RetryAfter = null)
{
    public DosException ToException() => new(this);
}

/// <summary>The only exception that the API throws for an expected failure.</summary>
[GenerateSerializer, Alias("dos.Exception")]
public sealed class DosException : Exception
{
    public DosException(DosError error) : base(error.Message) => Error = error;

    public DosException(DosErrorCode code, string message) : this(new DosError(code, message)) { }

    public DosException(DosErrorCode code, string message, Exception inner) : base(message, inner) => Error = new DosError(code, message);

    [Id(0)]
    public DosError Error { get; private set; }

    public DosErrorCode Code => Error.Code;
}
