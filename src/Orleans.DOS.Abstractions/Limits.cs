namespace Orleans.DOS;

/// <summary>Every bound of the system with its unit and its reason. LimitsTests checks what must hold between them.</summary>
public static class Limits
{
    /// <summary>Bytes of UTF-8 in one name: what Linux allows, so that trees copy both ways.</summary>
    public const int NameBytesMax = 255;

    /// <summary>Bytes of UTF-8 in one path, as PATH_MAX.</summary>
    public const int PathBytesMax = 4096;

    /// <summary>Symbolic links followed in one walk, as Linux' MAXSYMLINKS.</summary>
    public const int SymbolicLinksFollowedMax = 40;

    /// <summary>Names under one path component depth; bounds a walk.</summary>
    public const int PathDepthMax = 512;

    /// <summary>Content up to this many bytes lives in the catalog row: one commit instead of a segment's five.</summary>
    public const int InlineBytesMax = 4096;

    /// <summary>Bytes of payload in one frame. Small calls and probes share the connection with bulk data, so bulk travels in small pieces.</summary>
    public const int FramePayloadBytesMax = 256 * 1024;

    /// <summary>
    /// Bytes of one read over HTTP: a node looks up once where they lie, and reads frames side by side. What travels between nodes, or over the
    /// Orleans gateway, is not larger than a frame.
    /// </summary>
    public const int ReadBytesMax = 4 * FramePayloadBytesMax;

    /// <summary>
    /// Frames in flight to one replica for one writer: the credit window. 1 MiB hides a round trip of some milliseconds; more would only
    /// be what a small call between the same nodes has to wait for.
    /// </summary>
    public const int FramesInFlightMax = 4;

    /// <summary>A segment is sealed and the next one opened when its log passes this many bytes: bounds repair and copying.</summary>
    public const long SegmentBytesMax = 256L * 1024 * 1024;

    /// <summary>Bytes of a segment that may be acknowledged and not yet on disk.</summary>
    public const long UnsyncedBytesMax = 16L * 1024 * 1024;

    /// <summary>Frames up to this many bytes go through the disk's journal, whose fdatasync they share.</summary>
    public const int JournaledFrameBytesMax = 16 * 1024;

    /// <summary>Bytes a second that a node copies or checks for repair: a disk of 250 GiB is whole again within two hours, and callers keep most of it.</summary>
    public const long RepairBytesPerSecond = 32L * 1024 * 1024;

    /// <summary>Replicas of one segment.</summary>
    public const int ReplicasMax = 5;

    /// <summary>Entries in one page of any listing.</summary>
    public const int PageEntriesMax = 1000;

    /// <summary>Bytes of arguments and environment of one process (Linux allows 2 MiB; they travel in one message).</summary>
    public const int ProcessArgumentBytesMax = 128 * 1024;

    /// <summary>Captured output kept for one stream of one process; older output is dropped in rotations of half of it.</summary>
    public const long CapturedOutputBytesMax = 8L * 1024 * 1024;

    /// <summary>Captured output of ended processes that one node keeps; beyond it the output of those that ended first is dropped.</summary>
    public const long EndedOutputBytesMax = 1024L * 1024 * 1024;

    /// <summary>Bytes that wait in a process' standard input before the writer is held back.</summary>
    public const int StandardInputBufferBytesMax = 256 * 1024;

    /// <summary>Processes that one node runs at once; more wait as Pending.</summary>
    public const int ProcessesPerNodeMax = 512;

    /// <summary>Exited processes stay in the table this long.</summary>
    public static readonly TimeSpan ExitedProcessRetention = TimeSpan.FromHours(24);

    /// <summary>Finished jobs stay in the table this long.</summary>
    public static readonly TimeSpan FinishedJobRetention = TimeSpan.FromDays(7);

    /// <summary>A repeated request id is answered from the record this long.</summary>
    public static readonly TimeSpan RequestRetention = TimeSpan.FromMinutes(10);

    /// <summary>
    /// A change of names or metadata stays readable for watchers this long: who was away for a night goes on where it was, who was away longer lists
    /// anew. At 100 changes a second it is some 1 GB of rows.
    /// </summary>
    public static readonly TimeSpan ChangeRetention = TimeSpan.FromHours(24);

    /// <summary>Requests on the content of one file that are recognised again, the newest; behind the last checkpoint all are.</summary>
    public const int RequestsKeptPerFile = 4096;

    /// <summary>The same for a file whose content is in its row, which is written anew with each change.</summary>
    public const int RequestsKeptPerInlineFile = 256;

    /// <summary>Tasks of one job.</summary>
    public const int TasksPerJobMax = 1_000_000;

    /// <summary>Runs of one task before its job fails.</summary>
    public const int TaskAttemptsMax = 4;

    /// <summary>How often one task may lose its worker before its job fails: a neighbour's end is not its fault, five times are a pattern.</summary>
    public const int TaskWorkerLossesMax = 5;

    /// <summary>Between a run of a task that met an unavailable cluster and the next one.</summary>
    public static readonly TimeSpan TaskUnavailablePause = TimeSpan.FromSeconds(1);

    /// <summary>How long a task is tried again, without being charged, while the cluster is unavailable to it.</summary>
    public static readonly TimeSpan TaskUnavailableMax = TimeSpan.FromMinutes(5);

    /// <summary>How long a map output may be unavailable to a reducer before it counts as lost.</summary>
    public static readonly TimeSpan MapOutputUnavailableMax = TimeSpan.FromSeconds(10);

    /// <summary>How long a task waits for a slot on a node that holds its bytes, while no such node takes any: then any node may have it.</summary>
    public static readonly TimeSpan TaskLocalityWaitMax = TimeSpan.FromSeconds(3);

    /// <summary>No task counts as a straggler before it has run so long: a second attempt costs a slot and its reading.</summary>
    public static readonly TimeSpan StragglerRunMin = TimeSpan.FromSeconds(3);

    /// <summary>Between two statuses that one watcher of a running job is told; its end is told at once.</summary>
    public static readonly TimeSpan JobWatchPause = TimeSpan.FromMilliseconds(200);

    /// <summary>Tasks that a node is given in one message, and that one slot runs one after the other.</summary>
    public const int TaskBatchMax = 1000;

    /// <summary>How long such tasks shall take a slot together: long against a message and a commit, short against a job.</summary>
    public static readonly TimeSpan TaskBatchTime = TimeSpan.FromMilliseconds(100);

    /// <summary>Pieces of input of one map task.</summary>
    public const int TaskPiecesMax = 10_000;

    /// <summary>Characters that the pieces of one map task take in its message: a quarter of what a worker's pipe carries.</summary>
    public const int TaskInputCharsMax = 4 * 1024 * 1024;

    /// <summary>Map outputs that one reducer reads: it is told of all of them in one message of some 200 bytes each.</summary>
    public const int ReduceInputsMax = 40_000;

    /// <summary>Bytes of one record (a line) in a job's input: bounds a worker's memory.</summary>
    public const int RecordBytesMax = 8 * 1024 * 1024;

    /// <summary>A long poll is answered at the latest after this time, so that no call outlives <see cref="CallTimeout"/>.</summary>
    public static readonly TimeSpan LongPollMax = TimeSpan.FromSeconds(3);

    /// <summary>No call waits longer for its answer.</summary>
    public static readonly TimeSpan CallTimeout = TimeSpan.FromSeconds(5);

    /// <summary>Bytes of one HTTP request body that is not file content.</summary>
    public const int RequestBodyBytesMax = 1024 * 1024;

    /// <summary>Catalog writes of one node that wait for the SQLite writer; more are Unavailable at once, since they would only time out.</summary>
    public const int CatalogQueueMax = 4096;

    /// <summary>Catalog writes in one commit of the SQLite writer: shares one fsync and still lets other processes write in between.</summary>
    public const int CatalogBatchMax = 64;

    /// <summary>SQLite connections of one node that read at once.</summary>
    public const int CatalogReadersMax = 16;

    /// <summary>PostgreSQL connections of one node for our tables, unless the connection string says otherwise; a server allows 100 in all.</summary>
    public const int CatalogConnectionsMax = 20;

    /// <summary>Runs of one catalog transaction that the database refuses as a deadlock or a serialisation failure.</summary>
    public const int CatalogAttemptsMax = 5;

    /// <summary>Numbers taken from a counter at once: one commit for so many new inodes or pids; a stopped node leaves at most so many unused.</summary>
    public const int CatalogIdBlock = 256;

    /// <summary>How long a connection waits for another process' SQLite write lock.</summary>
    public static readonly TimeSpan CatalogBusyTimeout = TimeSpan.FromSeconds(10);

    /// <summary>How long a PostgreSQL session may keep a transaction open and idle: a frozen node blocks nobody for longer.</summary>
    public static readonly TimeSpan CatalogIdleTransactionTimeout = TimeSpan.FromSeconds(5);

    /// <summary>How long a statement waits for a row lock in PostgreSQL: below <see cref="CallTimeout"/>, so that the caller learns why.</summary>
    public static readonly TimeSpan CatalogLockTimeout = TimeSpan.FromSeconds(4);

    /// <summary>How long a statement may run in PostgreSQL.</summary>
    public static readonly TimeSpan CatalogStatementTimeout = TimeSpan.FromSeconds(10);
}
