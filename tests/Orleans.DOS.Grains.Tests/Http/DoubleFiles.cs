using Orleans.DOS.Checks;
using System.Text;
using Orleans.DOS.Files;

namespace Orleans.DOS.Tests.Http;

/// <summary>A file tree in memory. Links are followed in the last name only, which is all that the tests of the door need.</summary>
internal sealed class DoubleFiles : IFiles
{
    private readonly Lock _gate = new();
    private readonly SortedDictionary<string, Inode> _paths = new(StringComparer.Ordinal) { [""] = new Inode(new InodeId(1), InodeKind.Directory) };
    private long _lastInode = 1;
    private int _writing;

    /// <summary>Writes that were in progress at once, at most.</summary>
    public int WritesAtOnceMax { get; private set; }
    public TimeSpan WriteDelay { get; set; }
    public long BytesWritten { get; private set; }
    /// <summary>Called before each write; may throw.</summary>
    public Action? Writing { get; set; }

    /// <summary>Called before each read.</summary>
    public Action? Reading { get; set; }

    private sealed class Inode(InodeId id, InodeKind kind)
    {
        public InodeId Id => id;
        public InodeKind Kind => kind;
        public byte[] Content = [];
        public long VirtualSize = -1;
        public string? Target;
        public int Mode = 0b110_100_100;
        public int Links = 1;
        public long Version = 1;
        public long Size => VirtualSize >= 0 ? VirtualSize : Content.Length;
    }

    /// <summary>A file of zeros that takes no memory.</summary>
    public void AddHole(string path, long size)
    {
        lock (_gate)
        {
            Make(Normal(path), InodeKind.File).VirtualSize = size;
        }
    }

    public Task<FileStat> StatAsync(string path, bool followLinks = true, CancellationToken cancellationToken = default)
    {
        lock (_gate)
        {
            var normal = Normal(path);
            return Task.FromResult(StatOf(Find(normal, path, followLinks), NameOf(normal)));
        }
    }

    public Task<Page<FileStat>> ListAsync(string path, string? after = null, int limit = Limits.PageEntriesMax, CancellationToken cancellationToken = default)
    {
        lock (_gate)
        {
            var normal = Normal(path);
            if (Find(normal, path, true).Kind != InodeKind.Directory)
            {
                throw new DosException(DosErrorCode.NotADirectory, $"'{path}' is no directory");
            }
            var rest = Children(normal).Select(child => StatOf(_paths[child], NameOf(child)))
                .Where(stat => after is null || string.CompareOrdinal(stat.Name, after) > 0).Take(limit + 1).ToList();
            return Task.FromResult(rest.Count > limit ? new Page<FileStat>(rest[..limit], rest[limit - 1].Name) : new Page<FileStat>(rest, null));
        }
    }

    public Task<FileStat> MakeDirectoryAsync(string path, bool parents = false, int mode = 0b111_101_101, CancellationToken cancellationToken = default)
    {
        lock (_gate)
        {
            var normal = Normal(path, mustExist: false);
            for (var slash = normal.IndexOf('/', 1); parents && slash > 0; slash = normal.IndexOf('/', slash + 1))
            {
                if (!_paths.ContainsKey(normal[..slash]))
                {
                    Make(normal[..slash], InodeKind.Directory);
                }
            }
            if (_paths.TryGetValue(normal, out var there))
            {
                return parents && there.Kind == InodeKind.Directory
                    ? Task.FromResult(StatOf(there, NameOf(normal)))
                    : throw new DosException(DosErrorCode.PathExists, $"'{path}' exists");
            }
            var made = Make(normal, InodeKind.Directory);
            made.Mode = mode;
            return Task.FromResult(StatOf(made, NameOf(normal)));
        }
    }

    public Task RenameAsync(string from, string to, CancellationToken cancellationToken = default)
    {
        lock (_gate)
        {
            var (old, next) = (Normal(from), Normal(to));
            _ = Find(old, from, false);
            if (next.StartsWith(old + "/", StringComparison.Ordinal))
            {
                throw new DosException(DosErrorCode.WouldCycle, $"'{to}' is under '{from}'");
            }
            foreach (var key in _paths.Keys.Where(key => key == old || key.StartsWith(old + "/", StringComparison.Ordinal)).ToList())
            {
                _paths[next + key[old.Length..]] = _paths[key];
                _paths.Remove(key);
            }
            return Task.CompletedTask;
        }
    }

    public Task RemoveAsync(string path, bool recursive = false, CancellationToken cancellationToken = default)
    {
        lock (_gate)
        {
            var normal = Normal(path);
            _ = Find(normal, path, false);
            var under = _paths.Keys.Where(key => key.StartsWith(normal + "/", StringComparison.Ordinal)).ToList();
            if (under.Count > 0 && !recursive)
            {
                throw new DosException(DosErrorCode.DirectoryNotEmpty, $"'{path}' is not empty");
            }
            under.Append(normal).ToList().ForEach(key => _paths.Remove(key));
            return Task.CompletedTask;
        }
    }

    public Task<FileStat> MakeSymbolicLinkAsync(string target, string path, CancellationToken cancellationToken = default)
    {
        lock (_gate)
        {
            var made = Make(Normal(path), InodeKind.SymbolicLink);
            made.Target = target;
            return Task.FromResult(StatOf(made, NameOf(Normal(path))));
        }
    }

    public Task<FileStat> MakeLinkAsync(string existing, string path, CancellationToken cancellationToken = default)
    {
        lock (_gate)
        {
            var inode = Find(Normal(existing), existing, true);
            inode.Links++;
            _paths[Normal(path)] = inode;
            return Task.FromResult(StatOf(inode, NameOf(Normal(path))));
        }
    }

    public Task<FileStat> ChangeModeAsync(string path, int mode, CancellationToken cancellationToken = default)
    {
        lock (_gate)
        {
            var inode = Find(Normal(path), path, true);
            (inode.Mode, inode.Version) = (mode, inode.Version + 1);
            return Task.FromResult(StatOf(inode, NameOf(Normal(path))));
        }
    }

    public Task<IFileHandle> OpenAsync(string path, FileOpenOptions? options = null, CancellationToken cancellationToken = default)
    {
        lock (_gate)
        {
            var normal = Normal(path);
            if (options?.Create == true && !_paths.ContainsKey(normal))
            {
                Make(normal, InodeKind.File).Mode = options.Mode;
            }
            else if (options?.Exclusive == true)
            {
                throw new DosException(DosErrorCode.PathExists, $"'{path}' exists");
            }
            var inode = Find(normal, path, true);
            if (inode.Kind == InodeKind.Directory)
            {
                throw new DosException(DosErrorCode.IsADirectory, $"'{path}' is a directory");
            }
            if (options?.Truncate == true)
            {
                inode.Content = [];
            }
            return Task.FromResult(Attach(inode.Id));
        }
    }

    public IFileHandle Attach(InodeId inode, string? virtualPath = null) => new Handle(this, inode);

    public Task<FileStat> PutSmallAsync(string path, ReadOnlyMemory<byte> content, FileOpenOptions? options = null, CancellationToken cancellationToken = default)
    {
        lock (_gate)
        {
            OpenAsync(path, options ?? new FileOpenOptions { Create = true, Truncate = true }, cancellationToken);
            var inode = Find(Normal(path), path, true);
            (inode.Content, inode.Version) = (content.ToArray(), inode.Version + 1);
            return Task.FromResult(StatOf(inode, NameOf(Normal(path))));
        }
    }

    /// <summary>What a step of a check answers.</summary>
    public Func<CheckOptions, string?, CheckStep> Checking { get; set; } = (_, after) => after switch
    {
        null => new CheckStep { Names = 1, Next = "more" },
        "more" => new CheckStep { Names = 1 },
        _ => throw new DosException(DosErrorCode.InvalidArgument, "'after' is not where a check has ended"),
    };

    public Task<CheckStep> CheckAsync(CheckOptions options, string? after = null, CancellationToken cancellationToken = default) => Task.FromResult(Checking(options, after));

    // Goes up name by name, so that ".." behind a missing name is found to be missing, as in a real tree.
    private string Normal(string path, bool mustExist = true)
    {
        if (path.Length == 0 || path[0] != '/' || path.Contains('\0', StringComparison.Ordinal))
        {
            throw new DosException(DosErrorCode.InvalidPath, "not a path");
        }
        if (Encoding.UTF8.GetByteCount(path) > Limits.PathBytesMax)
        {
            throw new DosException(DosErrorCode.PathTooLong, "the path is too long");
        }
        var result = "";
        var names = path.Split('/').Where(static name => name.Length > 0 && name != ".").ToArray();
        for (var i = 0; i < names.Length; i++)
        {
            if (Encoding.UTF8.GetByteCount(names[i]) > Limits.NameBytesMax)
            {
                throw new DosException(DosErrorCode.NameTooLong, "a name is too long");
            }
            result = names[i] == ".." ? result[..Math.Max(0, result.LastIndexOf('/'))] : result + "/" + names[i];
            if (mustExist && i < names.Length - 1 && Find(result, path, true).Kind != InodeKind.Directory)
            {
                throw new DosException(DosErrorCode.NotADirectory, $"'{result}' is no directory");
            }
        }
        return result;
    }

    private Inode Find(string normal, string shown, bool follow)
    {
        var found = _paths.GetValueOrDefault(normal) ?? throw new DosException(DosErrorCode.NoSuchPath, $"there is no '{shown}'");
        return follow && found.Target is { } target ? Find(Normal(target), target, false) : found;
    }

    private Inode Make(string normal, InodeKind kind) => _paths[normal] = new Inode(new InodeId(++_lastInode), kind);

    private IEnumerable<string> Children(string normal) =>
        _paths.Keys.Where(key => key.Length > normal.Length + 1 && key.StartsWith(normal + "/", StringComparison.Ordinal) && key.IndexOf('/', normal.Length + 1) < 0);

    private static string NameOf(string normal) => normal.Length == 0 ? "/" : normal[(normal.LastIndexOf('/') + 1)..];

    private static FileStat StatOf(Inode inode, string name) => new()
    {
        Inode = inode.Id, Name = name, Kind = inode.Kind, Size = inode.Kind == InodeKind.File ? inode.Size : 0, Mode = inode.Mode, Links = inode.Links,
        Target = inode.Target, Version = inode.Version, Replicas = 1,
    };

    private sealed class Handle(DoubleFiles files, InodeId id) : IFileHandle
    {
        public InodeId Inode => id;

        private Inode It => files._paths.Values.FirstOrDefault(inode => inode.Id == id) ?? throw new DosException(DosErrorCode.NoSuchPath, $"there is no inode {id}");

        public Task<FileStat> StatAsync(CancellationToken cancellationToken = default)
        {
            lock (files._gate)
            {
                return Task.FromResult(StatOf(It, ""));
            }
        }

        public Task<ReadOnlyMemory<byte>> ReadAsync(long position, int count, CancellationToken cancellationToken = default)
        {
            files.Reading?.Invoke();
            lock (files._gate)
            {
                var it = It;
                var length = (int)Math.Clamp(it.Size - position, 0, Math.Min(count, Limits.ReadBytesMax));
                return Task.FromResult<ReadOnlyMemory<byte>>(it.VirtualSize >= 0 ? new byte[length] : length == 0 ? default : it.Content.AsMemory((int)position, length).ToArray());
            }
        }

        public async Task WriteAsync(long position, ReadOnlyMemory<byte> data, CancellationToken cancellationToken = default)
        {
            files.Writing?.Invoke();
            files.WritesAtOnceMax = Math.Max(files.WritesAtOnceMax, Interlocked.Increment(ref files._writing));
            try
            {
                await Task.Delay(files.WriteDelay, cancellationToken); // tidy: the double is slow on purpose
            }
            finally
            {
                Interlocked.Decrement(ref files._writing);
            }
            lock (files._gate)
            {
                files.BytesWritten += data.Length;
                var it = It;
                if (it.VirtualSize >= 0)
                {
                    return;
                }
                Array.Resize(ref it.Content, (int)Math.Max(it.Content.Length, position + data.Length));
                data.CopyTo(it.Content.AsMemory((int)position));
            }
        }

        public Task<long> AppendAsync(ReadOnlyMemory<byte> data, CancellationToken cancellationToken = default)
        {
            lock (files._gate)
            {
                var it = It;
                long at = it.Content.Length;
                it.Content = [.. it.Content, .. data.Span];
                return Task.FromResult(at);
            }
        }

        public Task TruncateAsync(long size, CancellationToken cancellationToken = default)
        {
            lock (files._gate)
            {
                Array.Resize(ref It.Content, (int)size);
                return Task.CompletedTask;
            }
        }

        public Task FlushAsync(CancellationToken cancellationToken = default) => Task.CompletedTask;

        public Task<IReadOnlyList<FileLocation>> LocateAsync(CancellationToken cancellationToken = default) =>
            Task.FromResult<IReadOnlyList<FileLocation>>([new FileLocation(0, It.Size, [new NodeId("n-1")])]);

        public ValueTask DisposeAsync() => ValueTask.CompletedTask;
    }
}
