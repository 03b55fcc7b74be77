using Orleans.Concurrency;
using Orleans.DOS.Catalog;
using Orleans.DOS.Security;
using Orleans.DOS.Segments;

namespace Orleans.DOS.Files;

/// <summary>
/// Names and metadata of one machine. A call is: check the input, then one catalog transaction that walks the path, checks, changes
/// rows under the condition that they are as read, logs the change and records the answer; if a condition fails, the transaction runs
/// again. Content is another matter: <see cref="FileGrain"/> owns it while it is written; small or closed content is read from rows here.
/// </summary>
/// <remarks>
/// Reentrant: there is no state but settings that never change, so calls of one activation may interleave like those of two.
/// </remarks>
[GrainType("dos.namespace"), StatelessWorker, Reentrant]
internal sealed partial class NamespaceGrain : Grain, INamespaceGrain
{
    /// <summary>Runs of one transaction whose conditions fail because of others; then the caller is told to come again.</summary>
    private const int AttemptsMax = 16;

    private readonly ICatalog _catalog;
    private readonly IObjectLogs _logs;
    private readonly TimeProvider _time;
    private readonly FileReader _reader;
    private readonly NamespaceWriter _writer;
    private readonly Dictionary<string, IPathProvider> _providers;
    private readonly HashSet<string> _virtualRoots;
    private readonly MachineId _machine;
    private MachineSettings? _settings;

    public NamespaceGrain(ICatalog catalog, IObjectLogs logs, TimeProvider time, FileReader reader, NamespaceWriter writer, IEnumerable<IPathProvider> providers, Orleans.Runtime.IGrainContext grain)
    {
        _catalog = catalog;
        _logs = logs;
        _time = time;
        _reader = reader;
        _writer = writer;
        _providers = providers.ToDictionary(provider => provider.Root);
        _virtualRoots = _providers.Keys.ToHashSet();
        _machine = new MachineId(GrainKeys.Parse(grain.GrainId.Key.ToString()!).First);
    }

    public async Task<FileStat> StatAsync(CallContext context, string path, bool followLinks)
    {
        Check(context);
        var parsed = DosPath.Parse(path);
        var settings = await SettingsAsync();
        var found = await _catalog.ReadAsync(session => session.ResolveAsync(settings.Root, parsed, followLinks, _virtualRoots));
        return found.IsVirtual
            ? await ProviderOf(found.End.Virtual).StatAsync(context, Below(found.End.Virtual))
            : await CurrentStatAsync(context, found.Existing(), found.End.Name ?? "/");
    }

    public async Task<FileStat> StatInodeAsync(CallContext context, InodeId inode)
    {
        Check(context);
        var row = await _catalog.ReadAsync(session => session.FindInodeAsync(inode));
        return row is not null && row.MachineId == _machine.Value
            ? await CurrentStatAsync(context, row, "")
            : throw new DosException(DosErrorCode.NoSuchPath, $"there is no inode {inode}");
    }

    public async Task<Page<FileStat>> ListAsync(CallContext context, string path, string? after, int limit)
    {
        Check(context);
        var parsed = DosPath.Parse(path);
        if (limit <= 0)
        {
            throw new DosException(DosErrorCode.InvalidArgument, $"the limit {limit} of a listing is not positive");
        }
        limit = Math.Min(limit, Limits.PageEntriesMax);
        var settings = await SettingsAsync();
        var (found, rows) = await _catalog.ReadAsync(async session =>
        {
            var resolved = await session.ResolveAsync(settings.Root, parsed, true, _virtualRoots);
            var isDirectory = resolved.Row?.IsDirectory == true;
            return (resolved, isDirectory ? await session.EntriesAsync(resolved.Row!.Inode, after, limit + 1) : []);
        });
        if (found.IsVirtual)
        {
            return await ProviderOf(found.End.Virtual).ListAsync(context, Below(found.End.Virtual), after, limit);
        }
        var directory = RequireDirectory(found);
        return await PageAsync(context, directory.Inode == settings.Root, rows, after, limit);
    }

    public async Task<Immutable<byte[]>> ReadAsync(CallContext context, InodeId inode, string? virtualPath, long position, int count)
    {
        Check(context);
        if (position < 0 || count < 0)
        {
            throw new DosException(DosErrorCode.InvalidArgument, "a position and a count of bytes are not negative");
        }
        count = Math.Min(count, Limits.ReadBytesMax);
        if (virtualPath is not null)
        {
            var names = DosPath.Parse(virtualPath).Names;
            return names.Count > 0 && !names.Contains("..") && _virtualRoots.Contains(names[0])
                ? new(await ProviderOf(names).ReadAsync(context, Below(names), position, count))
                : throw new DosException(DosErrorCode.NoSuchPath, $"there is no '{DosPath.Shown(virtualPath)}'");
        }
        try
        {
            var plan = await _reader.PlanAsync(_machine, inode, position, count) ?? await OwnerOf(inode).PlanReadAsync(context, position, count);
            return new(await _reader.ReadAsync(inode, plan, position, count));
        }
        catch (DosException away) when (away.Code == DosErrorCode.Unavailable)
        {
            // Without the catalog one node can still read: the owner of an open file knows where its bytes are.
            return await OwnerOf(inode).ReadOpenAsync(context, position, Math.Min(count, Limits.FramePayloadBytesMax));
        }
    }

    // Made where it is needed: making a reference looks its interface up by reflection.
    private IFileOwner OwnerOf(InodeId inode) => GrainFactory.GetGrain<IFileOwner>(GrainKeys.File(_machine, inode));

    /// <summary>The page with what is shown under the root and is no entry mixed in.</summary>
    private async Task<Page<FileStat>> PageAsync(CallContext context, bool isRoot, IReadOnlyList<InodeRow> rows, string? after, int limit)
    {
        var stats = await Task.WhenAll(rows.Select(row => ListedStatAsync(context, row)));
        IEnumerable<FileStat> all = stats;
        if (isRoot)
        {
            var shown = await Task.WhenAll(_providers.Values
                .Where(provider => after is null || ByteOrder.Instance.Compare(provider.Root, after) > 0)
                .Select(provider => provider.StatAsync(context, [])));
            all = stats.Where(stat => !_virtualRoots.Contains(stat.Name)).Concat(shown).OrderBy(stat => stat.Name, ByteOrder.Instance);
        }
        var items = all.Take(limit + 1).ToList();
        var more = items.Count > limit;
        if (more)
        {
            items.RemoveAt(limit);
        }
        return new Page<FileStat>(items, more ? items[^1].Name : null);
    }

    /// <summary>
    /// As <see cref="CurrentStatAsync"/>, but a file whose owner cannot be reached now is shown with the size of its last checkpoint:
    /// one lost node must not make whole directories unreadable, and a listing is only a hint (POSIX' has no sizes at all).
    /// </summary>
    private async Task<FileStat> ListedStatAsync(CallContext context, InodeRow row)
    {
        try
        {
            return await CurrentStatAsync(context, row, row.Name);
        }
        catch (DosException failure) when (failure.Code is DosErrorCode.Unavailable or DosErrorCode.NoSuchPath or DosErrorCode.Stale)
        {
            return row.ToStat(row.Name);
        }
    }

    /// <summary>The row's facts, with size and times of the owner if the file is open.</summary>
    private async Task<FileStat> CurrentStatAsync(CallContext context, InodeRow row, string name)
    {
        var stat = row.ToStat(name);
        if (row.OpenEpoch == 0)
        {
            return stat;
        }
        var content = await OwnerOf(row.Inode).ContentAsync(context, row.Version);
        return stat with { Size = content.Size, Modified = content.Modified, Version = content.Version };
    }

    private void Check(CallContext context)
    {
        if (context.Machine != _machine)
        {
            throw new DosException(DosErrorCode.PermissionDenied, $"the call is for machine {context.Machine}, not {_machine}");
        }
    }

    private IPathProvider ProviderOf(IReadOnlyList<string> names) => _providers[names[0]];

    private static string[] Below(IReadOnlyList<string> names) => names.Skip(1).ToArray();

    private static InodeRow RequireDirectory(Resolved found)
    {
        var row = found.Existing();
        return row.IsDirectory ? row : throw new DosException(DosErrorCode.NotADirectory, $"'{found.Path}' is not a directory");
    }

    private async ValueTask<MachineSettings> SettingsAsync()
    {
        if (_settings is not null)
        {
            return _settings;
        }
        var root = await _catalog.ReadAsync(session => session.QueryFirstAsync<long?>(
            "SELECT root_inode FROM dos_machines WHERE machine_id = @machine", new { machine = _machine.Value }))
            ?? throw new DosException(DosErrorCode.NoSuchMachine, $"there is no machine {_machine}");
        var replicas = await _catalog.ReadAsync(session => session.QueryFirstAsync<long?>("SELECT replicas_default FROM dos_cluster"));
        return _settings = new MachineSettings(new InodeId(root), replicas ?? 1);
    }

    private sealed record MachineSettings(InodeId Root, long Replicas);
}
