using Dapper;
using Orleans.DOS.Catalog;

namespace Orleans.DOS.Segments;

/// <summary>
/// The node's writer of seals and openings: when a disk fails, every log that had a replica on it seals a segment and opens another, and
/// all that wait share one commit. Each change is conditional on the epoch of its object, and refused alone.
/// </summary>
internal sealed class SegmentCommits(ICatalog catalog, TimeProvider time) : IAsyncDisposable
{
    private readonly GroupCommit<Change, Verdict> _commits = new(catalog, WriteAsync);

    /// <summary>One transaction, maybe with others: what was sealed, and what is opened.</summary>
    /// <returns>False: a node has lost a disk that was chosen. What was sealed is recorded then, and nothing is opened.</returns>
    /// <exception cref="DosException">Stale: a newer owner exists. Others as the catalog says.</exception>
    public async Task<bool> RecordAsync(ObjectId target, long epoch, IReadOnlyList<SealedSegment> sealing, OpenedSegment? opened) =>
        await _commits.CommitAsync(new Change(target, epoch, [.. sealing], opened, CatalogTime.From(time.GetUtcNow()))) switch
        {
            Verdict.Overtaken => throw new DosException(DosErrorCode.Stale, $"{target} has a newer owner than epoch {epoch}"),
            var verdict => verdict == Verdict.Done,
        };

    public ValueTask DisposeAsync() => _commits.DisposeAsync();

    private static async Task<IReadOnlyList<Verdict>> WriteAsync(ICatalogSession session, IReadOnlyList<Change> changes)
    {
        var epochs = await EpochsAsync(session, changes);
        var verdicts = changes.Select(change => epochs.GetValueOrDefault(change.Target.ToString()) == change.Epoch ? Verdict.Done : Verdict.Overtaken).ToArray();
        foreach (var (index, change) in changes.Index().Where(item => verdicts[item.Index] == Verdict.Done))
        {
            foreach (var segment in change.Sealing)
            {
                SegmentRows.QueueSeal(session, segment, change.Now);
            }
            if (change.Opened is { } opened)
            {
                SegmentRows.QueueInsert(
                    session, change.Target, change.Epoch, opened, change.Now, isOpened => verdicts[index] = isOpened ? Verdict.Done : Verdict.DiskGone);
            }
        }
        return verdicts;
    }

    /// <summary>Locks the owners' rows (FOR SHARE), in one order everywhere: raising an epoch waits for this transaction.</summary>
    private static async Task<Dictionary<string, long>> EpochsAsync(ICatalogSession session, IReadOnlyList<Change> changes)
    {
        var targets = changes.Select(change => change.Target.ToString()).Distinct().ToList();
        var parameters = new DynamicParameters();
        for (var index = 0; index < targets.Count; index++)
        {
            parameters.Add($"o{index}", targets[index]);
        }
        var names = string.Join(", ", targets.Select((_, index) => $"@o{index}"));
        var rows = await session.QueryAsync<OwnerEpoch>(
            $"SELECT object AS Object, epoch AS Epoch FROM dos_owners WHERE object IN ({names}) ORDER BY object {session.Dialect.ForShare}", parameters);
        return rows.ToDictionary(row => row.Object, row => row.Epoch);
    }

    private enum Verdict
    {
        Done = 1,
        Overtaken = 2,
        DiskGone = 3,
    }

    private sealed record Change(ObjectId Target, long Epoch, IReadOnlyList<SealedSegment> Sealing, OpenedSegment? Opened, long Now);

    private sealed class OwnerEpoch
    {
        public string Object { get; set; } = "";
        public long Epoch { get; set; }
    }
}

/// <summary>A segment that is about to be made.</summary>
/// <param name="Wanted">Replicas that it should have.</param>
internal sealed record OpenedSegment(SegmentId Segment, int Wanted, IReadOnlyList<Replica> Replicas);
