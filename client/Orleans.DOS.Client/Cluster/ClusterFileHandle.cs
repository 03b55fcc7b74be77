using Orleans.Concurrency;
using Orleans.DOS.Files;

namespace Orleans.DOS.Client.Cluster;

/// <summary>An inode and nothing else: reads go through the namespace grain at this node, changes to the file's owner.</summary>
internal sealed class ClusterFileHandle(ClusterCaller caller, InodeId inode, string? virtualPath, bool durable) : IFileHandle
{
    // Set by every change that is not on disk yet; a close without it costs no call.
    private volatile bool _unflushed;

    public InodeId Inode => inode;

    // Kept: making a reference looks up its interface by reflection each time.
    private IFileGrain? _owner;
    private INamespaceGrain? _namespace;

    private IFileGrain Owner => virtualPath is null
        ? _owner ??= caller.Grains.GetGrain<IFileGrain>(GrainKeys.File(caller.Machine, inode))
        : throw new DosException(DosErrorCode.ReadOnlyPath, $"'{virtualPath}' is shown by the machine and is read only");

    private INamespaceGrain Namespace => _namespace ??= caller.Grains.GetGrain<INamespaceGrain>(GrainKeys.Machine(caller.Machine));

    public Task<FileStat> StatAsync(CancellationToken cancellationToken = default) =>
        virtualPath is null
            ? caller.ReadAsync(context => Namespace.StatInodeAsync(context, inode), cancellationToken)
            : caller.ReadAsync(context => Namespace.StatAsync(context, virtualPath, true), cancellationToken);

    public async Task<ReadOnlyMemory<byte>> ReadAsync(long position, int count, CancellationToken cancellationToken = default)
    {
        Arguments.Position(position);
        Arguments.Count(count);
        var asked = Math.Min(count, caller.ReadBytesMax);
        var data = await caller.ReadAsync(context => Namespace.ReadAsync(context, inode, virtualPath, position, asked), cancellationToken).ConfigureAwait(false);
        return data.Value;
    }

    public async Task WriteAsync(long position, ReadOnlyMemory<byte> data, CancellationToken cancellationToken = default)
    {
        Arguments.Position(position);
        var bytes = Frame(data);
        await caller.ChangeAsync(context => Owner.WriteAsync(context, position, bytes, durable), cancellationToken).ConfigureAwait(false);
    }

    public async Task<long> AppendAsync(ReadOnlyMemory<byte> data, CancellationToken cancellationToken = default)
    {
        var bytes = Frame(data);
        return await caller.ChangeAsync(context => Owner.AppendAsync(context, bytes, durable), cancellationToken).ConfigureAwait(false);
    }

    public Task TruncateAsync(long size, CancellationToken cancellationToken = default)
    {
        Arguments.Position(size);
        _unflushed = true;
        return caller.ChangeAsync(context => Owner.TruncateAsync(context, size), cancellationToken);
    }

    public async Task FlushAsync(CancellationToken cancellationToken = default)
    {
        // Cleared before the call: a write that begins meanwhile sets it again.
        _unflushed = false;
        try
        {
            await caller.ChangeAsync(context => Owner.FlushAsync(context), cancellationToken).ConfigureAwait(false);
        }
        catch
        {
            _unflushed = true;
            throw;
        }
    }

    public Task<IReadOnlyList<FileLocation>> LocateAsync(CancellationToken cancellationToken = default) =>
        virtualPath is null
            ? caller.ReadAsync(context => Owner.LocateAsync(context), cancellationToken)
            : Task.FromResult<IReadOnlyList<FileLocation>>([]);

    public async ValueTask DisposeAsync()
    {
        if (_unflushed)
        {
            await FlushAsync().ConfigureAwait(false);
        }
    }

    // A copy, because a grain on this node gets the very array, and the caller may use his again as soon as the call returns.
    private Immutable<byte[]> Frame(ReadOnlyMemory<byte> data)
    {
        Arguments.BytesMax(data.Length, Limits.FramePayloadBytesMax, "one write");
        _unflushed |= !durable;
        return new Immutable<byte[]>(data.ToArray());
    }
}
