using Orleans.Concurrency;
using Orleans.DOS.Checks;
using Orleans.DOS.Files;

namespace Orleans.DOS.Client.Cluster;

/// <summary>Names from the machine's namespace grain, content from the file's own.</summary>
internal sealed class ClusterFiles(ClusterCaller caller) : IFiles
{
    private INamespaceGrain? _namespace;

    private INamespaceGrain Namespace => _namespace ??= caller.Grains.GetGrain<INamespaceGrain>(GrainKeys.Machine(caller.Machine));

    public Task<FileStat> StatAsync(string path, bool followLinks = true, CancellationToken cancellationToken = default) =>
        caller.ReadAsync(context => Namespace.StatAsync(context, Arguments.Path(path), followLinks), cancellationToken);

    public Task<Page<FileStat>> ListAsync(string path, string? after = null, int limit = Limits.PageEntriesMax, CancellationToken cancellationToken = default) =>
        caller.ReadAsync(context => Namespace.ListAsync(context, Arguments.Path(path), after, Arguments.PageLimit(limit)), cancellationToken);

    public Task<FileStat> MakeDirectoryAsync(string path, bool parents = false, int mode = 0b111_101_101, CancellationToken cancellationToken = default) =>
        caller.ChangeAsync(context => Namespace.MakeDirectoryAsync(context, Arguments.Path(path), parents, mode), cancellationToken);

    public Task RenameAsync(string from, string to, CancellationToken cancellationToken = default) =>
        caller.ChangeAsync(context => Namespace.RenameAsync(context, Arguments.Path(from), Arguments.Path(to)), cancellationToken);

    public Task RemoveAsync(string path, bool recursive = false, CancellationToken cancellationToken = default) =>
        caller.ChangeAsync(context => Namespace.RemoveAsync(context, Arguments.Path(path), recursive), cancellationToken);

    public Task<FileStat> MakeSymbolicLinkAsync(string target, string path, CancellationToken cancellationToken = default) =>
        caller.ChangeAsync(context => Namespace.MakeSymbolicLinkAsync(context, Arguments.Path(target), Arguments.Path(path)), cancellationToken);

    public Task<FileStat> MakeLinkAsync(string existing, string path, CancellationToken cancellationToken = default) =>
        caller.ChangeAsync(context => Namespace.MakeLinkAsync(context, Arguments.Path(existing), Arguments.Path(path)), cancellationToken);

    public Task<FileStat> ChangeModeAsync(string path, int mode, CancellationToken cancellationToken = default) =>
        caller.ChangeAsync(context => Namespace.ChangeModeAsync(context, Arguments.Path(path), mode), cancellationToken);

    public async Task<IFileHandle> OpenAsync(string path, FileOpenOptions? options = null, CancellationToken cancellationToken = default)
    {
        Arguments.Path(path);
        if (options is null)
        {
            var found = await StatAsync(path, true, cancellationToken).ConfigureAwait(false);
            return found.Kind == InodeKind.Directory
                ? throw new DosException(DosErrorCode.IsADirectory, $"'{path}' is a directory")
                : Attach(found.Inode, found.VirtualPath);
        }
        var stat = await caller.ChangeAsync(context => Namespace.OpenAsync(context, path, options), cancellationToken).ConfigureAwait(false);
        var handle = new ClusterFileHandle(caller, stat.Inode, stat.VirtualPath, options.Durable);
        if (options is { Truncate: true, Exclusive: false })
        {
            // Only the file's owner knows its size now, so it is asked even where the catalog says 0.
            await handle.TruncateAsync(0, cancellationToken).ConfigureAwait(false);
        }
        return handle;
    }

    public IFileHandle Attach(InodeId inode, string? virtualPath = null) => new ClusterFileHandle(caller, inode, virtualPath, durable: false);

    public Task<FileStat> PutSmallAsync(string path, ReadOnlyMemory<byte> content, FileOpenOptions? options = null, CancellationToken cancellationToken = default)
    {
        Arguments.Path(path);
        Arguments.BytesMax(content.Length, Limits.InlineBytesMax, "the content of a small file");
        var bytes = new Immutable<byte[]>(content.ToArray());
        var put = options ?? new FileOpenOptions { Create = true, Truncate = true };
        return caller.ChangeAsync(context => Namespace.PutSmallAsync(context, path, bytes, put), cancellationToken);
    }

    public Task<CheckStep> CheckAsync(CheckOptions options, string? after = null, CancellationToken cancellationToken = default) =>
        caller.ReadAsync(context => caller.Grains.GetGrain<ICheckGrain>(GrainKeys.Machine(caller.Machine)).StepAsync(context, options, after), cancellationToken);
}
