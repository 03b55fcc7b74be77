using Orleans.DOS.Catalog;
using Orleans.DOS.Nodes;
using Orleans.DOS.Segments;

namespace Orleans.DOS.Checks;

/// <summary>
/// The catalog's segments against the disks that hold them. A finding is told only when the rows were the same before and after the disks were
/// asked: what was sealed, moved or deleted meanwhile is asked for again.
/// </summary>
internal sealed class SegmentCheck(ICatalog catalog, INodeView nodes, INodeClients clients, TimeProvider time)
{
    private const int RowsMax = 64;
    /// <summary>Looks at one segment whose rows change; then it is left for the next check.</summary>
    private const int LooksMax = 5;
    /// <summary>The replicas of a segment are made behind its row: until then a disk that lacks one is no finding.</summary>
    private static readonly TimeSpan MadeAfterMax = TimeSpan.FromMinutes(2);

    private sealed record CheckedRow
    {
        public long SegmentId { get; init; }
        public string Object { get; init; } = "";
        public long State { get; init; }
        public long Length { get; init; }
        public long ReplicasWanted { get; init; }
        public long CreatedAt { get; init; }
        public long IsOrphan { get; init; }
    }

    private sealed record Looked(CheckedRow Segment, IReadOnlyList<ReplicaRow> Replicas);

    /// <param name="Next">Where a deep look goes on with each replica; 0: it came to the end of all.</param>
    private sealed record Judged(IReadOnlyList<ReplicaFault> Faults, long Next);

    public async Task<CheckCursor?> StepAsync(CheckRun run, CheckCursor at)
    {
        // Within a segment that takes longer than a step.
        var inside = at.Second > 0;
        var page = await ReadAsync(inside ? at.First : at.First + 1, long.MaxValue, run.IsDeep ? 1 : RowsMax);
        if (inside && (page.Count == 0 || page[0].Segment.SegmentId != at.First))
        {
            return at with { Second = 0 };
        }
        if (run.IsDeep)
        {
            return page.Count == 0 ? null
                : await CheckAsync(run, page[0], at.Second) is > 0 and var reached ? at with { First = page[0].Segment.SegmentId, Second = reached }
                : at with { First = page[0].Segment.SegmentId, Second = 0 };
        }
        await Task.WhenAll(page.Select(looked => CheckAsync(run, looked, 0)));
        return page.Count == RowsMax ? at with { First = page[^1].Segment.SegmentId } : null;
    }

    /// <returns>Where a deep look at this segment goes on; 0: it is done.</returns>
    private async Task<long> CheckAsync(CheckRun run, Looked? looked, long from)
    {
        for (var look = 1; looked is not null && look <= LooksMax; look++)
        {
            var judged = await JudgeAsync(run, looked, from);
            var again = (await ReadAsync(looked.Segment.SegmentId, looked.Segment.SegmentId, 1)).FirstOrDefault();
            if (again is not null && again.Segment == looked.Segment && again.Replicas.SequenceEqual(looked.Replicas))
            {
                run.Count(segments: from == 0 ? 1 : 0, replicas: from == 0 ? looked.Replicas.Count : 0);
                await TellAsync(run, looked, judged.Faults, from);
                return judged.Next;
            }
            looked = again;
        }
        return 0;
    }

    /// <summary>Segments that are not being deleted, with the replicas that are called good.</summary>
    private Task<List<Looked>> ReadAsync(long first, long last, int rowsMax) => catalog.ReadAsync(async session =>
    {
        var segments = await session.QueryAsync<CheckedRow>(
            "SELECT s.segment_id AS SegmentId, s.object AS Object, s.state AS State, s.length AS Length, s.replicas_wanted AS ReplicasWanted, s.created_at AS CreatedAt, "
            + "CASE WHEN s.object LIKE 'file:%' THEN CASE WHEN EXISTS (SELECT 1 FROM dos_inodes i WHERE i.inode_id = CAST(substr(s.object, 6) AS BIGINT)) THEN 0 ELSE 1 END "
            + "ELSE 0 END AS IsOrphan FROM dos_segments s WHERE s.segment_id BETWEEN @first AND @last AND s.state < 3 ORDER BY s.segment_id LIMIT @rowsMax",
            new { first, last, rowsMax });
        if (segments.Count == 0)
        {
            return [];
        }
        var replicas = (await session.QueryAsync<ReplicaRow>(
            "SELECT r.segment_id AS SegmentId, r.disk_id AS DiskId, r.node_id AS NodeId, r.state AS State, "
            + "(SELECT count(*) FROM dos_nodes n WHERE n.node_id = r.node_id AND n.disk_id = r.disk_id) AS IsPresent FROM dos_segment_replicas r "
            + "WHERE r.segment_id BETWEEN @first AND @last AND r.state = 1 ORDER BY r.segment_id, r.disk_id",
            new { first = segments[0].SegmentId, last = segments[^1].SegmentId })).ToLookup(row => row.SegmentId);
        return segments.Select(segment => new Looked(segment, [.. replicas[segment.SegmentId]])).ToList();
    });

    private async Task<Judged> JudgeAsync(CheckRun run, Looked looked, long from)
    {
        var judged = await Task.WhenAll(looked.Replicas.Select(row => JudgeAsync(run, looked.Segment, row, from)));
        var next = judged.Select(replica => replica.Next).DefaultIfEmpty(long.MaxValue).Min();
        return new Judged([.. judged.Select(replica => replica.Fault)], next == long.MaxValue ? 0 : next);
    }

    /// <returns>Next: where a deep look goes on with this replica; <see cref="long.MaxValue"/>: it needs no further one.</returns>
    private async Task<(ReplicaFault Fault, long Next)> JudgeAsync(CheckRun run, CheckedRow looked, ReplicaRow row, long from)
    {
        var (replica, segment) = (row.ToReplica(), new SegmentId(row.SegmentId));
        var answer = row.IsPresent == 0 ? null
            : await ReplicaCalls.AskAsync(clients, replica.Node, service => service.StatAsync(segment, replica.Disk), Limits.CallTimeout, time);
        var fault = ReplicaJudgement.Of(FactsOf(row, answer), looked.Length);
        // Of an open one, what is on disk for sure: behind it frames are still being written.
        var end = looked.State == SegmentRow.Sealed ? looked.Length : answer?.SyncedLength ?? 0;
        if (!run.IsDeep || fault != ReplicaFault.None || end <= from)
        {
            return (fault, long.MaxValue);
        }
        var read = await ReplicaCalls.AskAsync(clients, replica.Node, service => service.VerifyAsync(segment, replica.Disk, from, end), Limits.CallTimeout, time);
        fault = ReplicaJudgement.Of(FactsOf(row, read), 0);
        if (fault != ReplicaFault.None)
        {
            return (fault, long.MaxValue);
        }
        run.Count(bytesRead: read!.Length - from);
        return (read.Length > from ? fault : ReplicaFault.Short, read.Length < end ? read.Length : long.MaxValue);
    }

    private static ReplicaFacts FactsOf(ReplicaRow row, ReplicaAnswer? answer) => new(
        IsItsDisk: row.IsPresent != 0 && answer?.Outcome != ReplicaOutcome.WrongDisk,
        HasAnswered: answer is not (null or { Outcome: ReplicaOutcome.InProgress }),
        IsThere: answer?.Outcome != ReplicaOutcome.NoSuchSegment,
        Length: answer?.Length ?? 0,
        IsRotten: answer is { Rotten: true } or { Outcome: not (ReplicaOutcome.Done or ReplicaOutcome.NoSuchSegment or ReplicaOutcome.WrongDisk) });

    private async Task TellAsync(CheckRun run, Looked looked, IReadOnlyList<ReplicaFault> faults, long from)
    {
        var (segment, replicas) = looked;
        if (segment.IsOrphan != 0)
        {
            if (from == 0)
            {
                await TellOrphanAsync(run, segment);
            }
            return;
        }
        var isYoung = segment.State == SegmentRow.Open && time.GetUtcNow() - CatalogTime.To(segment.CreatedAt) < MadeAfterMax;
        var health = ReplicaJudgement.Of(faults, segment.State == SegmentRow.Open ? 1 : segment.ReplicasWanted);
        // What was wrong at the first look was told then; a deep one finds rot at any.
        var bad = Enumerable.Range(0, replicas.Count).Where(index => KindOf(faults[index]) is { } kind
            && (kind == FindingKind.Rotten || (from == 0 && !isYoung))).ToList();
        if (bad.Count == 0 && (health == SegmentHealth.Whole || isYoung))
        {
            return;
        }
        var path = await catalog.ReadAsync(session => InodePaths.FindAsync(session, InodeOf(segment)));
        if (bad.Count > 0 && run.IsMending && segment.State == SegmentRow.Open && InodeOf(segment) is > 0 and var inode)
        {
            // Only its owner can seal it without losing what is just being written, and only what is sealed is copied anew.
            await run.CloseAsync(new InodeId(inode));
            if ((await ReadAsync(segment.SegmentId, segment.SegmentId, 1)).FirstOrDefault() is not { } closed)
            {
                return; // Nothing was in it.
            }
            segment = closed.Segment;
        }
        foreach (var index in bad)
        {
            var mayGiveUp = segment.State == SegmentRow.Sealed && ReplicaJudgement.MayGiveUp(faults[index], faults);
            await TellReplicaAsync(run, segment, replicas[index], KindOf(faults[index])!.Value, mayGiveUp, path);
        }
        if (from == 0 && !isYoung)
        {
            TellSegment(run, looked, faults, health, path);
        }
    }

    private async Task TellReplicaAsync(CheckRun run, CheckedRow segment, ReplicaRow row, FindingKind kind, bool mayGiveUp, string? path)
    {
        var mend = !run.IsMending ? MendState.None : !mayGiveUp ? MendState.NotPossible : await GiveUpAsync(segment, row, kind);
        run.Add(new Finding
        {
            Kind = kind, Segment = segment.SegmentId, Node = new NodeId(row.NodeId), Bytes = segment.Length, Path = path, Mend = mend,
            Text = $"segment {segment.SegmentId} on {row.NodeId} " + kind switch
            {
                FindingKind.Missing => "is not on its disk",
                FindingKind.Short => $"is shorter than {segment.Length} bytes",
                FindingKind.Rotten => "has bytes that do not fit their checksum",
                _ => "was on another disk than the node has now",
            } + (mend == MendState.Started ? "; it is copied anew" : mend != MendState.NotPossible ? "" : segment.State == SegmentRow.Open ? "; it is being written" : "; no other replica is known to be good"),
        });
    }

    private async Task<MendState> GiveUpAsync(CheckedRow segment, ReplicaRow row, FindingKind kind)
    {
        await catalog.WriteAsync(session => kind == FindingKind.OtherDisk
            ? SegmentRows.LoseAbsentAsync(session, segment.SegmentId)
            : SegmentRows.LoseIfNotLastAsync(session, segment.SegmentId, row.ToReplica().Disk));
        // Repair sees within a minute at most that the segment lacks one, whoever has marked it.
        return MendState.Started;
    }

    private void TellSegment(CheckRun run, Looked looked, IReadOnlyList<ReplicaFault> faults, SegmentHealth health, string? path)
    {
        var segment = looked.Segment;
        var unknown = string.Join(", ", looked.Replicas.Where((_, index) => faults[index] == ReplicaFault.Unknown).Select(row => row.NodeId));
        var missing = segment.ReplicasWanted - faults.Count;
        var finding = new Finding { Kind = FindingKind.BelowTarget, Segment = segment.SegmentId, Bytes = segment.Length, Path = path };
        switch (health)
        {
            case SegmentHealth.Lost:
                run.Add(finding with
                {
                    Kind = FindingKind.Lost, Mend = Not(run),
                    Text = $"segment {segment.SegmentId} has no good replica: what is in it is to be restored from elsewhere",
                });
                break;
            case SegmentHealth.Away:
                run.Add(finding with { Kind = FindingKind.Away, Mend = Not(run), Text = $"segment {segment.SegmentId} cannot be read until {unknown} is back" });
                break;
            case SegmentHealth.BelowTarget when unknown.Length > 0 || missing > 0:
                var can = nodes.Active.Count >= segment.ReplicasWanted;
                run.Add(finding with
                {
                    Mend = !run.IsMending ? MendState.None : can ? MendState.Started : MendState.NotPossible,
                    Text = $"segment {segment.SegmentId} has {faults.Count(fault => fault == ReplicaFault.None)} of {segment.ReplicasWanted} replicas"
                        + (unknown.Length > 0 ? $"; {unknown} is away" : "") + (can ? "" : $"; {segment.ReplicasWanted} nodes are needed and {nodes.Active.Count} there"),
                });
                break;
        }
    }

    private async Task TellOrphanAsync(CheckRun run, CheckedRow segment)
    {
        var now = CatalogTime.From(time.GetUtcNow());
        var mend = await run.MendAsync(session => session.ExecuteAsync(
            "UPDATE dos_segments SET state = 3, deleted_at = @now WHERE segment_id = @segment AND state < 3 "
            + "AND NOT EXISTS (SELECT 1 FROM dos_inodes i WHERE i.inode_id = @inode)", new { segment = segment.SegmentId, inode = InodeOf(segment), now }));
        run.Add(new Finding
        {
            Kind = FindingKind.Orphan, Segment = segment.SegmentId, Bytes = segment.Length, Mend = mend,
            Text = $"segment {segment.SegmentId} is of {segment.Object}, which is not there" + (mend == MendState.Done ? "; it is deleted" : ""),
        });
    }

    private static MendState Not(CheckRun run) => run.IsMending ? MendState.NotPossible : MendState.None;

    private static FindingKind? KindOf(ReplicaFault fault) => fault switch
    {
        ReplicaFault.Missing => FindingKind.Missing,
        ReplicaFault.Short => FindingKind.Short,
        ReplicaFault.Rotten => FindingKind.Rotten,
        ReplicaFault.OtherDisk => FindingKind.OtherDisk,
        _ => null,
    };

    /// <summary>0: it is of no file.</summary>
    private static long InodeOf(CheckedRow segment) => segment.Object.Split(':') is ["file", var number] ? long.Parse(number, System.Globalization.CultureInfo.InvariantCulture) : 0;
}
