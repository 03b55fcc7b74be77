using Microsoft.Extensions.Logging;
using Orleans.Concurrency;
using Orleans.DOS.Catalog;
using Orleans.DOS.Clock;
using Orleans.DOS.Nodes;
using Orleans.DOS.Security;
using Orleans.DOS.Segments;
using Orleans.Placement;
using Orleans.Runtime;

namespace Orleans.DOS.Files;

/// <summary>
/// The owner of one file's content. It takes ownership only when it must (somebody writes, or an owner before it died), answers from
/// memory while it owns, and gives up some seconds after the last write, so that a closed file costs nothing: closed files are read
/// from rows by whoever reads. Typical: Write ... Write, Flush, silence, close.
/// </summary>
/// <remarks>
/// Reentrant, so that several writes are in flight at once: each takes its place before its first await, in call order, and is
/// answered after the acknowledgement of the log. <see cref="OpenFile"/> says what may interleave.
/// Immovable, because it holds the writer of a segment: moving it is closing and opening again, which the next call does anyway.
/// </remarks>
[GrainType("dos.file"), Reentrant, PreferLocalPlacement, Immovable, CollectionAgeLimit(Minutes = 2)]
internal sealed partial class FileGrain : Grain, IFileGrain, IFileOwner
{
    private static readonly TimeSpan IdleBeforeClose = TimeSpan.FromSeconds(5);

    /// <summary>
    /// After a durable append: it is a journal's, and the next one comes. Closing and opening again cost some ten commits and syncs, so that
    /// a thousand journals appended to in turn would be closed whenever their turn comes. A file that stays open has its price too: the
    /// end of its owner's node makes it wait for a takeover.
    /// </summary>
    private static readonly TimeSpan IdleBeforeCloseOfJournal = TimeSpan.FromSeconds(30);

    /// <summary>When it is read in bulk: each read of a closed file spares the way to its owner. So many reads are 16 MiB and more.</summary>
    private static readonly TimeSpan IdleBeforeCloseForReaders = TimeSpan.FromSeconds(1);
    private const int ReadsBeforeClose = 64;

    private static readonly TimeSpan IdleCheckPeriod = TimeSpan.FromSeconds(2);
    private static readonly TimeSpan OvertakenPause = TimeSpan.FromMilliseconds(50);

    /// <summary>Files end here: positions must not overflow.</summary>
    private const long FileBytesMax = 1L << 60;

    private readonly IObjectLogs _logs;
    private readonly IOwnership _ownership;
    private readonly INodeLease _lease;
    private readonly FileReader _reader;
    private readonly TimeProvider _time;
    private readonly ILogger<FileGrain> _logger;
    private readonly IGrainContext _context;
    private readonly FileTable _table;
    private readonly MachineId _machine;
    private readonly InodeId _inode;
    // Requests that are being carried out: a repeat that arrives meanwhile waits for the first.
    private readonly Dictionary<RequestId, (long Hash, Task<long> Answer)> _running = [];
    private Task<OpenFile>? _opening;
    private OpenFile? _file;
    private InodeRow? _row;
    /// <summary>The newest change was to be durable at once.</summary>
    private bool _isJournal;
    private Task? _checkpoint;
    private int _readsSinceChange;

    public FileGrain(ICatalog catalog, IObjectLogs logs, IOwnership ownership, INodeLease lease, FileReader reader, TimeProvider time, ILogger<FileGrain> logger, IGrainContext context)
    {
        (_logs, _ownership, _lease, _reader, _time, _logger, _context) = (logs, ownership, lease, reader, time, logger, context);
        var (machine, inode) = GrainKeys.Parse(context.GrainId.Key.ToString()!);
        (_machine, _inode) = (new MachineId(machine), new InodeId(inode));
        _table = new FileTable(catalog, logs, _machine, _inode);
    }

    public async Task<FileStat> StatAsync(CallContext context)
    {
        Check(context);
        var row = await _table.FindAsync() ?? throw _table.Gone();
        var content = await ContentAsync(context, row.Version);
        return row.ToStat("") with { Size = content.Size, Modified = content.Modified, Version = content.Version };
    }

    public async Task<FileStat> WriteAsync(CallContext context, long position, Immutable<byte[]> data, bool durable)
    {
        CheckRange(position, data.Value.Length);
        await ChangeAsync(context, HashOf(1, position, data.Value), durable, (file, request) => file.WriteAsync(request, position, data.Value));
        // Without a look at the row for every write: mode and names are as of the opening.
        var content = await ContentAsync(context, 0);
        return _row!.ToStat("") with { Size = content.Size, Modified = content.Modified, Version = content.Version };
    }

    public Task<long> AppendAsync(CallContext context, Immutable<byte[]> data, bool durable)
    {
        CheckRange(0, data.Value.Length);
        return ChangeAsync(context, HashOf(2, 0, data.Value), durable, (file, request) => file.WriteAsync(request, null, data.Value));
    }

    public Task TruncateAsync(CallContext context, long size)
    {
        CheckRange(size, 0);
        return ChangeAsync(context, HashOf(3, size, []), false, async (file, request) =>
        {
            await file.TruncateAsync(request, size);
            return size;
        });
    }

    public Task ReplaceAsync(CallContext context, Immutable<byte[]> content)
    {
        if (content.Value.Length > Limits.InlineBytesMax)
        {
            throw new DosException(DosErrorCode.LimitExceeded, $"{content.Value.Length} bytes are too many for one commit: at most {Limits.InlineBytesMax}");
        }
        return ChangeAsync(context, HashOfReplacement(content.Value), false, async (file, request) =>
        {
            await file.ReplaceAsync(request, content.Value);
            return 0;
        });
    }

    public async Task FlushAsync(CallContext context)
    {
        Check(context);
        if (await CurrentAsync() is { } file)
        {
            await InsideAsync(file, async () =>
            {
                await file.FlushAsync();
                return true;
            });
        }
    }

    public async Task CloseAsync(CallContext context)
    {
        Check(context);
        if (await CurrentAsync() is not null)
        {
            DeactivateOnIdle();
        }
    }

    public async Task<FileContentStat> ContentAsync(CallContext context, long rowVersion)
    {
        Check(context);
        if (await CurrentAsync() is { } file)
        {
            return await AnswerAsync(file, () => Task.FromResult(new FileContentStat(file.Size, CatalogTime.To(file.ModifiedAt), file.VersionBeside(rowVersion))));
        }
        var row = await _table.FindAsync() ?? throw _table.Gone();
        return new FileContentStat(row.Size, CatalogTime.To(row.Mtime), row.Version);
    }

    public async Task<FileReadPlan> PlanReadAsync(CallContext context, long position, int count)
    {
        Check(context);
        if (await CurrentAsync() is not { } file)
        {
            // A reader comes here because the row said "open"; it was closed since, and nobody shall open it for those who read.
            if (await _reader.PlanAsync(_machine, _inode, position, count) is { } closed)
            {
                return closed;
            }
            file = await OpenAsync();
        }
        var plan = await AnswerAsync(file, () => Task.FromResult(file.Plan(position, count)));
        CloseForReaders(file);
        return plan;
    }

    public async Task<Immutable<byte[]>> ReadOpenAsync(CallContext context, long position, int count)
    {
        Check(context);
        if (_file is not { } file)
        {
            throw new DosException(new DosError(DosErrorCode.Unavailable, "the catalog cannot be reached, and the file is not open", OvertakenPause));
        }
        var plan = await AnswerAsync(file, () => Task.FromResult(file.Plan(position, count)));
        return new(await _reader.ReadAsync(_inode, plan, position, count));
    }

    public async Task<IReadOnlyList<FileLocation>> LocateAsync(CallContext context)
    {
        Check(context);
        if (await CurrentAsync() is { } file)
        {
            return await AnswerAsync(file, () => LocateOpenAsync(file));
        }
        var row = await _table.FindAsync() ?? throw _table.Gone();
        return row.IsInline != 0
            ? [new FileLocation(0, row.Size, [])]
            : Merge((await _table.PlacesAsync()).Select(place => new FileLocation(place.Extent.Position, place.Extent.Length, place.Nodes)));
    }

    private static async Task<IReadOnlyList<FileLocation>> LocateOpenAsync(OpenFile file)
    {
        if (file.IsInline)
        {
            return [new FileLocation(0, file.Size, [])];
        }
        var extents = file.Extents.ToArray();
        Dictionary<SegmentId, IReadOnlyList<NodeId>> nodes = [];
        foreach (var segment in extents.Select(extent => extent.Segment).Distinct())
        {
            nodes[segment] = await file.NodesOfAsync(segment);
        }
        return Merge(extents.Select(extent => new FileLocation(extent.Position, extent.Length, nodes[extent.Segment])));
    }

    /// <summary>Neighbours on the same nodes become one: a file of many small extents is still a short answer.</summary>
    private static List<FileLocation> Merge(IEnumerable<FileLocation> places)
    {
        List<FileLocation> merged = [];
        foreach (var place in places)
        {
            if (merged is [.., var last] && last.Position + last.Length == place.Position && last.Nodes.SequenceEqual(place.Nodes))
            {
                merged[^1] = last with { Length = last.Length + place.Length };
            }
            else
            {
                merged.Add(place);
            }
        }
        return merged;
    }

    private void Check(CallContext context)
    {
        if (context.Machine != _machine)
        {
            throw new DosException(DosErrorCode.PermissionDenied, $"the call is for machine {context.Machine}, not {_machine}");
        }
    }

    private static void CheckRange(long position, int length)
    {
        if (position < 0)
        {
            throw new DosException(DosErrorCode.InvalidArgument, $"the position {position} is negative");
        }
        if (length > Limits.FramePayloadBytesMax || position > FileBytesMax - length)
        {
            throw new DosException(
                DosErrorCode.LimitExceeded, $"a write has at most {Limits.FramePayloadBytesMax} bytes and ends before position {FileBytesMax}");
        }
    }

    internal static long HashOfReplacement(byte[] content) => HashOf(4, 0, content);

    private static long HashOf(long call, long position, byte[] data)
    {
        var hash = new ContentHash();
        hash.Add(call);
        hash.Add(position);
        hash.Add(data);
        return hash.Value;
    }
}
