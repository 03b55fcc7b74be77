using Orleans.Concurrency;
using Orleans.DOS.Catalog;
using Orleans.DOS.Security;

namespace Orleans.DOS.Files;

internal sealed partial class NamespaceGrain
{
    public Task<FileStat> MakeDirectoryAsync(CallContext context, string path, bool parents, int mode)
    {
        Check(context);
        CheckMode(mode);
        var parsed = DosPath.Parse(path);
        var count = parents ? Math.Max(parsed.Names.Count, 1) : 1;
        return ChangeAsync(context, HashOf("mkdir", path, parents, mode), count, count, async (session, change) =>
        {
            var found = await ResolveAsync(session, parsed, followLast: parents);
            found.CheckWritable();
            if (found.End.Node is not null)
            {
                change.IsUnchanged = true;
                return parents ? RequireDirectory(found).ToStat(found.End.Name ?? "/") : throw Exists(found.Path);
            }
            if (found.End.Behind.Count > 0 && !parents)
            {
                throw found.Missing();
            }
            return await MakeDirectoriesAsync(session, change, found, mode, count);
        });
    }

    private async Task<FileStat> MakeDirectoriesAsync(ICatalogSession session, NamespaceChange change, Resolved found, int mode, int countMax)
    {
        var (parent, names) = (found.End.Parent, found.End.Behind.Prepend(found.End.Name!).ToArray());
        if (names.Contains("..") || names.Length > countMax)
        {
            // '..' behind a name that is not there, or names that came out of a symbolic link and for which no numbers were drawn.
            throw found.Missing();
        }
        InodeRow made = null!;
        foreach (var name in names)
        {
            made = NewInode(change, InodeKind.Directory, mode, change.NewInode());
            made.ParentId = parent.Value;
            made.Nlink = 2;
            Insert(session, change, parent, name, made, content: null);
            parent = made.Inode;
        }
        return made.ToStat(names[^1]);
    }

    public Task<FileStat> MakeSymbolicLinkAsync(CallContext context, string target, string path)
    {
        Check(context);
        DosPath.ParseTarget(target);
        var parsed = DosPath.Parse(path);
        return ChangeAsync(context, HashOf("symlink", target, path), 1, 1, async (session, change) =>
        {
            var found = await ResolveAsync(session, parsed, followLast: false);
            var name = RequireFree(found);
            var made = NewInode(change, InodeKind.SymbolicLink, 0b111_111_111, change.NewInode());
            made.Target = target;
            made.Size = System.Text.Encoding.UTF8.GetByteCount(target);
            Insert(session, change, found.End.Parent, name, made, content: null);
            return made.ToStat(name);
        });
    }

    public async Task<FileStat> MakeLinkAsync(CallContext context, string existing, string path)
    {
        Check(context);
        var (from, to) = (DosPath.Parse(existing), DosPath.Parse(path));
        var linked = await ChangeAsync(context, HashOf("link", existing, path), 1, 0, async (session, change) =>
        {
            var source = await ResolveAsync(session, from, followLast: false);
            source.CheckWritable();
            var row = source.Existing();
            if (row.IsDirectory)
            {
                throw new DosException(DosErrorCode.IsADirectory, $"'{source.Path}' is a directory, which has one name only");
            }
            var found = await ResolveAsync(session, to, followLast: false);
            var name = RequireFree(found);
            change.Touch(session, found.End.Parent);
            session.Expect(
                1, "UPDATE dos_inodes SET nlink = nlink + 1, ctime = @now, version = version + 1 WHERE inode_id = @inode", new { now = change.Now, inode = row.InodeId });
            InsertEntry(session, found.End.Parent, name, row.Inode);
            change.Log(session, found.End.Parent, name, row.Inode, ChangeKind.Made);
            return (await session.FindInodeAsync(row.Inode))!.ToStat(name);
        });
        return await WithContentAsync(context, linked);
    }

    public async Task<FileStat> ChangeModeAsync(CallContext context, string path, int mode)
    {
        Check(context);
        CheckMode(mode);
        var parsed = DosPath.Parse(path);
        var changed = await ChangeAsync(context, HashOf("chmod", path, mode), 1, 0, async (session, change) =>
        {
            var found = await ResolveAsync(session, parsed, followLast: true);
            found.CheckWritable();
            var row = found.Existing();
            session.Expect(
                1, "UPDATE dos_inodes SET mode = @mode, ctime = @now, version = version + 1 WHERE inode_id = @inode",
                new { mode = (long)mode, now = change.Now, inode = row.InodeId });
            var name = found.End.Name ?? "/";
            change.Log(session, found.End.Parent, name, row.Inode, ChangeKind.Mode);
            return (await session.FindInodeAsync(row.Inode))!.ToStat(name);
        });
        return await WithContentAsync(context, changed);
    }

    /// <summary>What a change of metadata answers, with size and version of the owner if the file is open: the row's are of its last checkpoint.</summary>
    private async Task<FileStat> WithContentAsync(CallContext context, FileStat changed)
    {
        if (changed.Kind != InodeKind.File || await _catalog.ReadAsync(session => session.FindInodeAsync(changed.Inode)) is not { } row)
        {
            return changed;
        }
        var now = await ListedStatAsync(context, row);
        return changed with { Size = now.Size, Modified = now.Modified, Version = now.Version };
    }

    public async Task<FileStat> OpenAsync(CallContext context, string path, FileOpenOptions options)
    {
        Check(context);
        CheckOptions(options);
        var parsed = DosPath.Parse(path);
        var settings = await SettingsAsync();
        if (!options.Exclusive)
        {
            var present = await _catalog.ReadAsync(session => session.ResolveAsync(settings.Root, parsed, true, _virtualRoots));
            if (present.IsVirtual)
            {
                return await OpenVirtualAsync(context, present, options);
            }
            if (present.Row is not null || !options.Create)
            {
                return await CurrentStatAsync(context, RequireFile(present), present.End.Name ?? "/");
            }
        }
        return await ChangeAsync(context, HashOf("open", path, options.Exclusive, options.Mode, options.Replicas), 1, 1, async (session, change) =>
        {
            var found = await ResolveAsync(session, parsed, followLast: !options.Exclusive);
            found.CheckWritable();
            if (found.Row is not null)
            {
                change.IsUnchanged = true;
                return options.Exclusive ? throw Exists(found.Path) : RequireFile(found).ToStat(found.End.Name ?? "/");
            }
            return await MakeFileAsync(session, change, found, options, []);
        });
    }

    private async Task<FileStat> OpenVirtualAsync(CallContext context, Resolved found, FileOpenOptions options)
    {
        if (options.Create || options.Truncate)
        {
            found.CheckWritable();
        }
        var stat = await ProviderOf(found.End.Virtual).StatAsync(context, Below(found.End.Virtual));
        return stat.Kind == InodeKind.File ? stat : throw new DosException(DosErrorCode.IsADirectory, $"'{found.Path}' is a directory");
    }

    public async Task<FileStat> PutSmallAsync(CallContext context, string path, Immutable<byte[]> content, FileOpenOptions options)
    {
        Check(context);
        CheckOptions(options);
        var parsed = DosPath.Parse(path);
        var bytes = content.Value;
        if (bytes.Length > Limits.InlineBytesMax)
        {
            throw new DosException(DosErrorCode.LimitExceeded, $"{bytes.Length} bytes are too many for one commit: at most {Limits.InlineBytesMax}");
        }
        var hash = HashOf("put", path, bytes, options.Create, options.Exclusive, options.Mode, options.Replicas);
        if (await MakeSmallAsync(context, hash, parsed, bytes, options) is { } made)
        {
            return made;
        }
        var stat = await ChangeAsync(context, hash, 1, 1, async (session, change) =>
        {
            var found = await ResolveAsync(session, parsed, followLast: !options.Exclusive);
            found.CheckWritable();
            if (found.Row is null)
            {
                return options.Create ? await MakeFileAsync(session, change, found, options, bytes) : throw found.Missing();
            }
            return options.Exclusive ? throw Exists(found.Path) : await ReplaceAsync(session, change, found, bytes);
        });
        if (stat is not null)
        {
            return stat;
        }
        // Its content has an owner or lies in segments: the owner replaces it (and remembers the request).
        var open = await _catalog.ReadAsync(session => session.ResolveAsync(_settings!.Root, parsed, true, _virtualRoots));
        var row = RequireFile(open);
        await OwnerOf(row.Inode).ReplaceAsync(context, content);
        return await StatAsync(context, path, followLinks: true);
    }

    /// <returns>Null when this is not for the catalog alone.</returns>
    private static async Task<FileStat?> ReplaceAsync(ICatalogSession session, NamespaceChange change, Resolved found, byte[] bytes)
    {
        var row = RequireFile(found);
        if (row.OpenEpoch != 0 || row.IsInline == 0)
        {
            change.IsUnchanged = true;
            return null;
        }
        if (await WasReplacedByOwnerAsync(session, change.Context.Request, row.Inode, bytes))
        {
            change.IsUnchanged = true;
            return row.ToStat(found.End.Name ?? "/");
        }
        session.Expect(
            1,
            "UPDATE dos_inodes SET content = @bytes, size = @size, mtime = @now, ctime = @now, version = version + 1, writer = @writer "
            + "WHERE inode_id = @inode AND open_epoch = 0 AND content IS NOT NULL AND version = @version",
            new { bytes, size = (long)bytes.Length, now = change.Now, writer = change.Context.Principal.Name, inode = row.InodeId, version = row.Version });
        var name = found.End.Name ?? "/";
        change.Log(session, found.End.Parent, name, row.Inode, ChangeKind.Content);
        (row.Size, row.Mtime, row.Ctime, row.Version) = (bytes.Length, change.Now, change.Now, row.Version + 1);
        return row.ToStat(name);
    }

    /// <summary>Whether an owner that has closed since has carried the same request out: it is recorded with the content then.</summary>
    /// <exception cref="DosException">StepDiverged.</exception>
    private static async Task<bool> WasReplacedByOwnerAsync(ICatalogSession session, RequestId request, InodeId inode, byte[] bytes)
    {
        var owners = new RequestWindow(Limits.RequestsKeptPerFile);
        owners.Decode(await session.QueryFirstAsync<byte[]>("SELECT recent FROM dos_inodes WHERE inode_id = @inode", new { inode = inode.Value }));
        return owners.TryFind(request, FileGrain.HashOfReplacement(bytes), out _);
    }

    private async Task<FileStat> MakeFileAsync(ICatalogSession session, NamespaceChange change, Resolved found, FileOpenOptions options, byte[] bytes)
    {
        var name = RequireFree(found);
        if (found.End.MustBeDirectory)
        {
            throw new DosException(DosErrorCode.IsADirectory, $"'{found.Path}' ends in '/', which names a directory");
        }
        var made = NewFileRow(change, options, bytes);
        Insert(session, change, found.End.Parent, name, made, bytes);
        return made.ToStat(name);
    }

    private InodeRow NewFileRow(NamespaceChange change, FileOpenOptions options, byte[] bytes)
    {
        var made = NewInode(change, InodeKind.File, options.Mode, change.NewInode());
        made.Size = bytes.Length;
        made.Replicas = options.Replicas > 0 ? options.Replicas : _settings!.Replicas;
        return made;
    }

    private static void CheckOptions(FileOpenOptions options)
    {
        CheckMode(options.Mode);
        if (options.Replicas is < 0 or > Limits.ReplicasMax)
        {
            throw new DosException(DosErrorCode.InvalidArgument, $"{options.Replicas} replicas are not between 0 and {Limits.ReplicasMax}");
        }
        if (options.Exclusive && !options.Create)
        {
            throw new DosException(DosErrorCode.InvalidArgument, "to open exclusively is to make the file: it needs Create");
        }
    }

    private static string RequireFree(Resolved found)
    {
        var name = found.EntryName();
        return found.Row is null ? name : throw Exists(found.Path);
    }

    private static InodeRow RequireFile(Resolved found)
    {
        var row = found.Existing();
        return row.IsFile ? row : throw new DosException(DosErrorCode.IsADirectory, $"'{found.Path}' is a directory");
    }

    private InodeRow NewInode(NamespaceChange change, InodeKind kind, int mode, InodeId inode) => new()
    {
        InodeId = inode.Value,
        MachineId = _machine.Value,
        Kind = (long)kind,
        Mode = mode,
        Uid = change.Context.Principal.UserId,
        Gid = change.Context.Principal.GroupId,
        Nlink = 1,
        Atime = change.Now,
        Mtime = change.Now,
        Ctime = change.Now,
        Replicas = kind == InodeKind.File ? _settings!.Replicas : 0,
        Version = 1,
    };

    private static void Insert(ICatalogSession session, NamespaceChange change, InodeId parent, string name, InodeRow row, byte[]? content)
    {
        change.Touch(session, parent, row.IsDirectory ? 1 : 0);
        session.Expect(
            1,
            "INSERT INTO dos_inodes(inode_id, machine_id, kind, mode, uid, gid, nlink, size, atime, mtime, ctime, btime, replicas, content, target, parent_id, writer, version) "
            + "VALUES (@InodeId, @MachineId, @Kind, @Mode, @Uid, @Gid, @Nlink, @Size, @Atime, @Mtime, @Ctime, @Ctime, @Replicas, @Content, @Target, @ParentId, @Writer, 1)",
            new
            {
                row.InodeId, row.MachineId, row.Kind, row.Mode, row.Uid, row.Gid, row.Nlink, row.Size, row.Atime, row.Mtime, row.Ctime, row.Replicas,
                Content = content, row.Target, row.ParentId, Writer = change.Context.Principal.Name,
            });
        InsertEntry(session, parent, name, row.Inode);
        change.Log(session, parent, name, row.Inode, ChangeKind.Made);
    }

    private static void InsertEntry(ICatalogSession session, InodeId parent, string name, InodeId inode) =>
        session.Expect(
            1, "INSERT INTO dos_entries(parent_id, name, inode_id) VALUES (@parent, @name, @inode) ON CONFLICT DO NOTHING",
            new { parent = parent.Value, name, inode = inode.Value });
}
