using Microsoft.Extensions.Hosting;
using Microsoft.Extensions.Logging;
using Orleans.DOS.Catalog;
using Orleans.DOS.Nodes;

namespace Orleans.DOS.Segments;

/// <summary>
/// Fills up missing replicas of sealed segments, and collects segments that nothing refers to. Runs on every node and works on the
/// one with the lowest id; two at once for a moment do the same harmless thing twice, since copies and deletions may be repeated.
/// </summary>
public sealed partial class SegmentRepair(ICatalog catalog, INodeView nodes, INodeClients clients, TimeProvider time, ILogger<SegmentRepair> log) : BackgroundService
{
    private const int RowsMax = 256;
    /// <summary>Of the time, passes that find nothing take at most one part in so many; yet no more than <see cref="PauseMax"/> lies between two.</summary>
    private const int PauseForEachPass = 10;
    private static readonly TimeSpan PauseMax = TimeSpan.FromMinutes(1);
    private static readonly TimeSpan PauseMin = TimeSpan.FromSeconds(10);
    /// <summary>Once more after a change of nodes: a node that has just come has not told its disk when it is seen.</summary>
    private static readonly TimeSpan AfterAChange = TimeSpan.FromSeconds(2);
    /// <summary>A node that restarts comes back sooner, and nothing needs to be copied.</summary>
    private static readonly TimeSpan Grace = TimeSpan.FromSeconds(30);
    /// <summary>
    /// Readers that learned a place before the row was marked are done after this time, and so is everybody who could still be making the
    /// segment for an older owner: with the file goes its seal. Longer than an owner acts without the catalog and a message lives.
    /// </summary>
    private static readonly TimeSpan SafeAge = TimeSpan.FromMinutes(2);
    private static readonly TimeSpan CopyPatience = TimeSpan.FromSeconds(25);
    private readonly SegmentPlacer _placer = new(nodes, catalog);
    private readonly Dictionary<long, DateTimeOffset> _belowSince = [];

    /// <summary>Segments whose time below their target is remembered.</summary>
    internal int SegmentsBelow => _belowSince.Count;

    private sealed record BytesRow
    {
        public long Bytes { get; init; }
    }

    /// <summary>Bytes of sealed segments with fewer good replicas on live nodes than they should have.</summary>
    public static async Task<long> BytesBelowTargetAsync(ICatalog catalog, INodeView nodes)
    {
        var (after, below) = (0L, 0L);
        while (await PageAsync(catalog, after) is { Count: > 0 } page)
        {
            below += page.Where(entry => Live(nodes, entry.Replicas).Count < entry.Segment.ReplicasWanted).Sum(entry => entry.Segment.Length);
            after = page[^1].Segment.SegmentId;
        }
        return below;
    }

    protected override async Task ExecuteAsync(CancellationToken stoppingToken)
    {
        var (pause, change) = (PauseMin, nodes.NextChange);
        while (true)
        {
            // A node that has come back brings replicas that were given up: they are taken back at once.
            await Task.WhenAny(Task.Delay(pause, time, stoppingToken), change);
            stoppingToken.ThrowIfCancellationRequested();
            var isChange = change.IsCompleted;
            change = nodes.NextChange;
            var began = time.GetTimestamp();
            try
            {
                if (nodes.Active is { Count: > 0 } active && active[0] == nodes.Self)
                {
                    await FillUpAsync(stoppingToken);
                    await CollectAsync(stoppingToken);
                    await DropSurplusAsync(stoppingToken);
                }
            }
            // Whatever went wrong (a full disk, a database away, a row nobody can read) must not end repair for ever.
            catch (Exception exception) when (!stoppingToken.IsCancellationRequested)
            {
                LogLater(log, exception);
            }
            pause = isChange ? AfterAChange : _belowSince.Count > 0 ? PauseMin : PauseAfter(time.GetElapsedTime(began));
        }
    }

    /// <summary>A segment that was written while a node was away is sealed, and so seen here, at any time after the node is back.</summary>
    private static TimeSpan PauseAfter(TimeSpan pass) => TimeSpan.FromTicks(Math.Clamp(pass.Ticks * PauseForEachPass, PauseMin.Ticks, PauseMax.Ticks));

    /// <summary>One pass over the sealed segments.</summary>
    internal async Task FillUpAsync(CancellationToken cancellationToken)
    {
        var now = time.GetUtcNow();
        var after = 0L;
        var below = new HashSet<long>();
        while (await PageAsync(catalog, after) is { Count: > 0 } page)
        {
            foreach (var (segment, replicas) in page)
            {
                cancellationToken.ThrowIfCancellationRequested();
                after = segment.SegmentId;
                var live = Live(nodes, replicas);
                if (live.Count >= segment.ReplicasWanted)
                {
                    await ThinOutAsync(segment, live);
                    continue;
                }
                below.Add(segment.SegmentId);
                _belowSince.TryAdd(segment.SegmentId, now);
                var given = await catalog.ReadAsync(session => SegmentRows.GivenUpAsync(session, segment.SegmentId));
                if (live.Count == 0 && await VouchAsync(segment, Live(nodes, given)) is { } whole)
                {
                    live.Add(whole);
                }
                if (live.Count == 0)
                {
                    continue;
                }
                live.AddRange(await TakeBackAsync(segment, live, Live(nodes, given)));
                // For those whose nodes may come back with them the grace is waited out; what has no replica anywhere has nothing to wait for.
                var awaited = now - _belowSince[segment.SegmentId] >= Grace ? 0 : Away(nodes, replicas) + Away(nodes, given);
                await FillUpAsync(segment, live, (int)segment.ReplicasWanted - live.Count - awaited);
            }
        }
        // Those that have enough now, and those that were removed while they had not.
        foreach (var segment in _belowSince.Keys.Where(segment => !below.Contains(segment)).ToList())
        {
            _belowSince.Remove(segment);
        }
    }

    /// <summary>
    /// Replicas that were given up and whose nodes are here again, with the same disk. They have most of the bytes, if not all: no
    /// grace, because until then the next node that dies may take the last good replica with it.
    /// </summary>
    private async Task<List<Replica>> TakeBackAsync(SegmentRow segment, IReadOnlyList<Replica> live, IReadOnlyList<Replica> given)
    {
        var back = new List<Replica>();
        foreach (var replica in given)
        {
            if (live.Count + back.Count < segment.ReplicasWanted && await CopyFromAnyAsync(segment, live, replica))
            {
                back.Add(replica);
            }
        }
        return back;
    }

    /// <summary>
    /// No good replica is here, but one that was given up may have all of it: frames carry their checksums, and a place in a segment is
    /// written once. It counts as good again when each of them was read; the others are filled up from it.
    /// </summary>
    private async Task<Replica?> VouchAsync(SegmentRow segment, IReadOnlyList<Replica> given)
    {
        foreach (var replica in given)
        {
            if (await IsWholeAsync(segment, replica) && await CopyAsync(segment, replica, replica))
            {
                LogFilledUp(log, segment.SegmentId, segment.Length, replica.Node);
                return replica;
            }
        }
        return null;
    }

    private async Task<bool> IsWholeAsync(SegmentRow segment, Replica replica)
    {
        var answer = await ReplicaCalls.AskAsync(
            clients, replica.Node, service => service.StatAsync(new SegmentId(segment.SegmentId), replica.Disk), Limits.CallTimeout, time);
        if (answer is not { Outcome: ReplicaOutcome.Done, Rotten: false } || answer.Length < segment.Length)
        {
            return false;
        }
        for (var from = 0L; from < segment.Length; from = answer.Length)
        {
            answer = await ReplicaCalls.AskAsync(
                clients, replica.Node, service => service.VerifyAsync(new SegmentId(segment.SegmentId), replica.Disk, from, segment.Length), Limits.CallTimeout, time);
            if (answer is not { Outcome: ReplicaOutcome.Done } || answer.Length <= from)
            {
                return false;
            }
        }
        return true;
    }

    private async Task FillUpAsync(SegmentRow segment, IReadOnlyList<Replica> live, int missing)
    {
        if (missing <= 0)
        {
            return;
        }
        foreach (var replica in await _placer.ChooseMoreAsync(missing, live.Select(replica => replica.Node).ToHashSet()))
        {
            await catalog.WriteAsync(session => SegmentRows.AnnounceReplicaAsync(session, segment.SegmentId, replica));
            await CopyFromAnyAsync(segment, live, replica);
        }
    }

    private async Task<bool> CopyFromAnyAsync(SegmentRow segment, IReadOnlyList<Replica> sources, Replica replica)
    {
        foreach (var source in sources)
        {
            if (await CopyAsync(segment, source, replica))
            {
                LogFilledUp(log, segment.SegmentId, segment.Length, replica.Node);
                return true;
            }
            // Its bytes may have rotted: the next one may have them.
        }
        return false;
    }

    private async Task<bool> CopyAsync(SegmentRow segment, Replica source, Replica replica)
    {
        var (kind, value) = Parse(segment.Object);
        var header = new SegmentHeader { Segment = new SegmentId(segment.SegmentId), Object = new ObjectId(kind, value), Epoch = segment.Epoch, Disk = replica.Disk };
        // The epoch of a replica that was sealed in a takeover is higher than the segment's own.
        var stat = await ReplicaCalls.AskAsync(clients, source.Node, service => service.StatAsync(header.Segment, source.Disk), Limits.CallTimeout, time);
        var old = await ReplicaCalls.AskAsync(clients, replica.Node, service => service.StatAsync(header.Segment, replica.Disk), Limits.CallTimeout, time);
        var epoch = Math.Max(segment.Epoch, Math.Max(stat?.Epoch ?? 0, old?.Epoch ?? 0));
        if (!await ReplicaCalls.CopyAsync(clients, replica, header, epoch, source, segment.Length, paced: true, CopyPatience, time))
        {
            return false;
        }
        await catalog.WriteAsync(async session =>
        {
            await SegmentRows.LoseAbsentAsync(session, segment.SegmentId);
            return await SegmentRows.InsertReplicaAsync(session, segment.SegmentId, replica);
        });
        return true;
    }

    private static Task<List<(SegmentRow Segment, IReadOnlyList<ReplicaRow> Replicas)>> PageAsync(ICatalog catalog, long after) => catalog.ReadAsync(async session =>
    {
        var segments = await SegmentRows.InStateAsync(session, SegmentRow.Sealed, after, RowsMax);
        if (segments.Count == 0)
        {
            return [];
        }
        var (first, last) = (segments[0].SegmentId, segments[^1].SegmentId);
        var replicas = (await SegmentRows.PresentAsync(session, first, last)).ToLookup(row => row.SegmentId);
        return segments.Select(segment => (segment, (IReadOnlyList<ReplicaRow>)[.. replicas[segment.SegmentId]])).ToList();
    });

    private static List<Replica> Live(INodeView nodes, IReadOnlyList<ReplicaRow> replicas) =>
        [.. replicas.Select(row => row.ToReplica()).Where(replica => nodes.TryGetAddress(replica.Node, out _))];

    private static int Away(INodeView nodes, IReadOnlyList<ReplicaRow> replicas) => replicas.Count - Live(nodes, replicas).Count;

    private static (ObjectKind Kind, long Value) Parse(string target)
    {
        var colon = target.IndexOf(':', StringComparison.Ordinal);
        return (Enum.Parse<ObjectKind>(target.AsSpan(0, colon), ignoreCase: true), long.Parse(target.AsSpan(colon + 1), System.Globalization.CultureInfo.InvariantCulture));
    }

    [LoggerMessage(Level = LogLevel.Information, Message = "Segment {Segment} ({Bytes} bytes) has a new replica on {Node}")]
    private static partial void LogFilledUp(ILogger log, long segment, long bytes, NodeId node);

    [LoggerMessage(Level = LogLevel.Information, Message = "Repair of segments goes on later")]
    private static partial void LogLater(ILogger log, Exception exception);
}
