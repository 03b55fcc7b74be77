using Orleans.DOS.Checks;
using Orleans.DOS.Files;
using Orleans.DOS.Machines;
using Orleans.DOS.Nodes;
using Orleans.DOS.Processes;

namespace Orleans.DOS.Jobs;

/// <summary>A machine whose files are byte arrays. Answers reads short now and then, as the contract allows.</summary>
internal sealed class MemoryMachine : IMachine, IFiles
{
    private readonly Dictionary<string, MemoryInode> _files = [];
    private long _lastInode;
    /// <summary>Thrown by every open.</summary>
    public DosErrorCode? Away { get; set; }
    /// <summary>Of each read, in order.</summary>
    public List<(long Position, int Count)> Asked { get; } = [];
    public string Name => "main";
    public IProcesses Processes => throw new NotSupportedException();
    public IJobs Jobs => throw new NotSupportedException();
    public IFiles Files => this;
    public INodes Nodes => throw new NotSupportedException();
    public IMachine WithRequest(RequestId request) => throw new NotSupportedException();
    public int ReadBytesMax { get; init; } = Limits.FramePayloadBytesMax;

    public byte[] this[string path]
    {
        get => _files[path].Content[.._files[path].Size];
        set => _files[path] = NewInode(value);
    }

    public InodeId InodeOf(string path) => _files[path].Id;
    /// <summary>Adds bytes at the end of the same file.</summary>
    public void Append(string path, byte[] bytes) => (_files[path].Content, _files[path].Size) = ([.. this[path], .. bytes], _files[path].Size + bytes.Length);
    public void Drop(string path) => _files.Remove(path);

    public Task<IFileHandle> OpenAsync(string path, FileOpenOptions? options = null, CancellationToken cancellationToken = default)
    {
        if (Away is { } code)
        {
            throw new DosException(code, "staged");
        }
        lock (_files)
        {
            if (!_files.TryGetValue(path, out var inode))
            {
                if (options is not { Create: true })
                {
                    throw new DosException(DosErrorCode.NoSuchPath, $"{path} is not there");
                }
                _files[path] = inode = NewInode();
            }
            if (options is { Truncate: true })
            {
                inode.Size = 0;
            }
            return Task.FromResult<IFileHandle>(new MemoryHandle(inode, ReadBytesMax, Asked));
        }
    }

    public Task<FileStat> StatAsync(string path, bool followLinks = true, CancellationToken cancellationToken = default) => throw new NotSupportedException();
    public Task<Page<FileStat>> ListAsync(string path, string? after = null, int limit = 1000, CancellationToken cancellationToken = default) => throw new NotSupportedException();
    public Task<FileStat> MakeDirectoryAsync(string path, bool parents = false, int mode = 0, CancellationToken cancellationToken = default) => throw new NotSupportedException();
    public Task RenameAsync(string from, string to, CancellationToken cancellationToken = default) => throw new NotSupportedException();
    public Task RemoveAsync(string path, bool recursive = false, CancellationToken cancellationToken = default) => throw new NotSupportedException();
    public Task<FileStat> MakeSymbolicLinkAsync(string target, string path, CancellationToken cancellationToken = default) => throw new NotSupportedException();
    public Task<FileStat> MakeLinkAsync(string existing, string path, CancellationToken cancellationToken = default) => throw new NotSupportedException();
    public Task<FileStat> ChangeModeAsync(string path, int mode, CancellationToken cancellationToken = default) => throw new NotSupportedException();
    public Task<FileStat> PutSmallAsync(string path, ReadOnlyMemory<byte> content, FileOpenOptions? options = null, CancellationToken cancellationToken = default) => throw new NotSupportedException();
    public Task<CheckStep> CheckAsync(CheckOptions options, string? after = null, CancellationToken cancellationToken = default) => throw new NotSupportedException();

    private MemoryInode NewInode(byte[]? content = null) => new() { Id = new InodeId(++_lastInode), Content = content ?? [], Size = content?.Length ?? 0 };

    private sealed class MemoryInode
    {
        public required InodeId Id { get; init; }
        public byte[] Content { get; set; } = [];
        public int Size { get; set; }
    }

    private sealed class MemoryHandle(MemoryInode inode, int readBytesMax, List<(long Position, int Count)> asked) : IFileHandle
    {
        public InodeId Inode => inode.Id;

        public Task<ReadOnlyMemory<byte>> ReadAsync(long position, int count, CancellationToken cancellationToken = default)
        {
            asked.Add((position, count));
            var at = (int)Math.Min(position, inode.Size);
            return Task.FromResult<ReadOnlyMemory<byte>>(inode.Content.AsMemory(at, Math.Min(Math.Min(count, readBytesMax), inode.Size - at)));
        }

        public Task WriteAsync(long position, ReadOnlyMemory<byte> data, CancellationToken cancellationToken = default)
        {
            var size = (int)position + data.Length;
            if (size > inode.Content.Length)
            {
                var grown = new byte[size * 2];
                inode.Content.AsSpan(0, inode.Size).CopyTo(grown);
                inode.Content = grown;
            }
            data.Span.CopyTo(inode.Content.AsSpan((int)position));
            inode.Size = Math.Max(inode.Size, size);
            return Task.CompletedTask;
        }

        public Task FlushAsync(CancellationToken cancellationToken = default) => Task.CompletedTask;
        public Task<IReadOnlyList<FileLocation>> LocateAsync(CancellationToken cancellationToken = default) =>
            Task.FromResult<IReadOnlyList<FileLocation>>([new FileLocation(0, inode.Size, [new NodeId("n-1")])]);
        public Task<FileStat> StatAsync(CancellationToken cancellationToken = default) => throw new NotSupportedException();
        public Task<long> AppendAsync(ReadOnlyMemory<byte> data, CancellationToken cancellationToken = default) => throw new NotSupportedException();
        public Task TruncateAsync(long size, CancellationToken cancellationToken = default) => throw new NotSupportedException();
        public ValueTask DisposeAsync() => ValueTask.CompletedTask;
    }
}
