using Orleans.DOS.Checks;

namespace Orleans.DOS.Files;

/// <summary>
/// The machine's file tree. Paths are absolute, separated by '/', compared byte by byte; <c>.</c> and empty names are passed over,
/// <c>..</c> goes up as in POSIX (after following links). Names: 1 to <see cref="Limits.NameBytesMax"/> bytes of UTF-8 without '/'
/// and NUL. Every failure is a <see cref="DosException"/> with a code of the path family or Unavailable.
/// Per file linearizable; data is durable after <see cref="IFileHandle.FlushAsync"/> or close.
/// </summary>
public interface IFiles
{
    /// <param name="followLinks">Whether a symbolic link as last name is followed.</param>
    Task<FileStat> StatAsync(string path, bool followLinks = true, CancellationToken cancellationToken = default);

    /// <summary>One page of a directory, in byte order of the names.</summary>
    /// <param name="after">The last name of the page before, or null.</param>
    Task<Page<FileStat>> ListAsync(string path, string? after = null, int limit = Limits.PageEntriesMax, CancellationToken cancellationToken = default);

    /// <param name="parents">Also make what is missing above, and do not mind if it is there already.</param>
    Task<FileStat> MakeDirectoryAsync(string path, bool parents = false, int mode = 0b111_101_101, CancellationToken cancellationToken = default);

    /// <summary>Atomic; replaces a file by a file and an empty directory by a directory; refuses to move a directory under itself.</summary>
    Task RenameAsync(string from, string to, CancellationToken cancellationToken = default);

    /// <param name="recursive">Also what is under a directory. Resumable: if it stops half way, what is left is a whole tree.</param>
    Task RemoveAsync(string path, bool recursive = false, CancellationToken cancellationToken = default);

    Task<FileStat> MakeSymbolicLinkAsync(string target, string path, CancellationToken cancellationToken = default);

    /// <summary>A second name of a file (not of a directory).</summary>
    Task<FileStat> MakeLinkAsync(string existing, string path, CancellationToken cancellationToken = default);

    Task<FileStat> ChangeModeAsync(string path, int mode, CancellationToken cancellationToken = default);

    /// <summary>Opens a file; null options open for reading what is there.</summary>
    Task<IFileHandle> OpenAsync(string path, FileOpenOptions? options = null, CancellationToken cancellationToken = default);

    /// <summary>
    /// A handle of an inode that is known already (from <see cref="FileStat"/>), without asking anybody: what a door needs to serve a
    /// handle that its client holds. Whether the inode exists and may be used shows at the first call.
    /// </summary>
    /// <param name="virtualPath">Of what is no inode, see <see cref="FileStat.VirtualPath"/>.</param>
    /// <exception cref="DosException">NotSupported by an implementation that knows paths only.</exception>
    IFileHandle Attach(InodeId inode, string? virtualPath = null) =>
        throw new DosException(DosErrorCode.NotSupported, "this implementation opens files by path only");

    /// <summary>A file whose whole content is small, made or replaced in one commit. At most <see cref="Limits.InlineBytesMax"/> bytes.</summary>
    Task<FileStat> PutSmallAsync(string path, ReadOnlyMemory<byte> content, FileOpenOptions? options = null, CancellationToken cancellationToken = default);

    /// <summary>
    /// One step, of seconds, of a check of names and content: the catalog with itself, and with the disks of all nodes. Made beside everything
    /// else that uses the files; what is told was so when it was looked at. Call it with <see cref="CheckStep.Next"/> until that is null; a step
    /// may be repeated.
    /// </summary>
    /// <param name="after">Null: begin.</param>
    /// <exception cref="DosException">PermissionDenied: not the administrator.</exception>
    Task<CheckStep> CheckAsync(CheckOptions options, string? after = null, CancellationToken cancellationToken = default);
}

/// <summary>
/// An open file. It names the inode, so a rename does not disturb it. Calls may overlap; those that overlap take effect in some
/// order. A handle holds nothing on the server: forgetting to close it costs durability of unflushed writes, nothing else.
/// </summary>
public interface IFileHandle : IAsyncDisposable
{
    InodeId Inode { get; }

    Task<FileStat> StatAsync(CancellationToken cancellationToken = default);

    /// <summary>Reads at most <paramref name="count"/> bytes (and at most <see cref="Limits.ReadBytesMax"/>, over Orleans <see cref="Limits.FramePayloadBytesMax"/>); empty at the end of the file.</summary>
    Task<ReadOnlyMemory<byte>> ReadAsync(long position, int count, CancellationToken cancellationToken = default);

    /// <summary>Writes all bytes at a position; a gap before it reads as zeros. At most <see cref="Limits.FramePayloadBytesMax"/> bytes a call, which are written as one.</summary>
    Task WriteAsync(long position, ReadOnlyMemory<byte> data, CancellationToken cancellationToken = default);

    /// <summary>Writes all bytes at the end, as one, and says where they begin.</summary>
    Task<long> AppendAsync(ReadOnlyMemory<byte> data, CancellationToken cancellationToken = default);

    Task TruncateAsync(long size, CancellationToken cancellationToken = default);

    /// <summary>Returns when all that was acknowledged is on the disks of all replicas.</summary>
    Task FlushAsync(CancellationToken cancellationToken = default);

    /// <summary>Where the bytes lie, for whoever brings work to the data.</summary>
    Task<IReadOnlyList<FileLocation>> LocateAsync(CancellationToken cancellationToken = default);
}
