using Orleans.Concurrency;
using Orleans.DOS.Security;

namespace Orleans.DOS.Files;

/// <summary>
/// Names and metadata of one machine (key: <see cref="GrainKeys.Machine"/>). Holds no state: every call is one transaction of the
/// catalog, so any number of activations on any node agree.
/// </summary>
[Alias("dos.INamespaceGrain")]
public interface INamespaceGrain : IGrainWithStringKey
{
    [Alias("Stat"), ReadOnly] Task<FileStat> StatAsync(CallContext context, string path, bool followLinks);
    [Alias("StatInode"), ReadOnly] Task<FileStat> StatInodeAsync(CallContext context, InodeId inode);
    [Alias("List"), ReadOnly] Task<Page<FileStat>> ListAsync(CallContext context, string path, string? after, int limit);
    [Alias("MakeDirectory")] Task<FileStat> MakeDirectoryAsync(CallContext context, string path, bool parents, int mode);
    [Alias("Rename")] Task RenameAsync(CallContext context, string from, string to);
    [Alias("Remove")] Task RemoveAsync(CallContext context, string path, bool recursive);
    [Alias("MakeSymbolicLink")] Task<FileStat> MakeSymbolicLinkAsync(CallContext context, string target, string path);
    [Alias("MakeLink")] Task<FileStat> MakeLinkAsync(CallContext context, string existing, string path);
    [Alias("ChangeMode")] Task<FileStat> ChangeModeAsync(CallContext context, string path, int mode);
    /// <summary>Finds or makes the file. With <see cref="FileOpenOptions.Truncate"/> the caller truncates through the file's own grain afterwards.</summary>
    [Alias("Open")] Task<FileStat> OpenAsync(CallContext context, string path, FileOpenOptions options);
    [Alias("PutSmall")] Task<FileStat> PutSmallAsync(CallContext context, string path, Immutable<byte[]> content, FileOpenOptions options);

    /// <summary>
    /// Reads content at the caller's node: inline bytes and /proc, /nodes from here, everything else by the plan of the file's owner from the
    /// nearest replica. <paramref name="virtualPath"/> is set for what is no inode.
    /// </summary>
    [Alias("Read"), ReadOnly] Task<Immutable<byte[]>> ReadAsync(CallContext context, InodeId inode, string? virtualPath, long position, int count);
}

/// <summary>
/// The owner of one file's content (key: <see cref="GrainKeys.File"/>): holds its epoch, its extent map and the writer of its newest segment.
/// </summary>
[Alias("dos.IFileGrain")]
public interface IFileGrain : IGrainWithStringKey
{
    [Alias("Stat")] Task<FileStat> StatAsync(CallContext context);
    [Alias("Write")] Task<FileStat> WriteAsync(CallContext context, long position, Immutable<byte[]> data, bool durable);
    /// <returns>The position at which the data begins.</returns>
    [Alias("Append")] Task<long> AppendAsync(CallContext context, Immutable<byte[]> data, bool durable);
    [Alias("Truncate")] Task TruncateAsync(CallContext context, long size);
    [Alias("Flush")] Task FlushAsync(CallContext context);
    [Alias("Locate")] Task<IReadOnlyList<FileLocation>> LocateAsync(CallContext context);
}
