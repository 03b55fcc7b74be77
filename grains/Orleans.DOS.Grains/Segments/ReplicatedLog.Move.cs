using Orleans.DOS.Catalog;
using Orleans.DOS.Nodes;
using Orleans.Runtime;

namespace Orleans.DOS.Segments;

/// <summary>Seal and move on: one catalog transaction seals the old segment and names the new one; only then is anything written there.</summary>
internal sealed partial class ReplicatedLog
{
    private const int OpenAttemptsMax = 4;
    /// <summary>Making an empty file takes some milliseconds; a frozen node that membership does not know yet must not cost a call its time.</summary>
    private static readonly TimeSpan CreatePatience = TimeSpan.FromSeconds(1);
    /// <summary>A seal syncs up to <see cref="Limits.UnsyncedBytesMax"/>.</summary>
    private static readonly TimeSpan SealPatience = Limits.CallTimeout;
    private readonly HashSet<NodeId> _avoided = [];
    /// <summary>Sealed, or never to be written, and not yet so in the catalog: the next transaction of the log says it.</summary>
    private readonly List<SealedSegment> _unrecorded = [];

    private async Task MoveAsync(OpenSegment? old)
    {
        // Callers hold the gate: go on without it.
        await Task.Yield();
        var isSealed = old is null;
        try
        {
            if (old is not null)
            {
                _unrecorded.Add(await SealAsync(old));
                isSealed = true;
                _services.Reader.Forget(old.Id);
            }
            bool isWanted;
            lock (_gate)
            {
                isWanted = _queue.Count > 0;
                // A sealed segment is on the disks of its good replicas.
                _isSealing = false;
                _flushes.ForEach(flush => flush.Done.TrySetResult());
                _flushes.Clear();
            }
            var opened = isWanted ? await OpenAsync() : null;
            if (!isWanted)
            {
                await RecordAsync(null, []);
            }
            lock (_gate)
            {
                _isMoving = false;
                if (_ended is null && opened is not null)
                {
                    _current = opened;
                    opened.Writer.Opened(Now, []);
                }
            }
        }
        catch (DosException exception)
        {
            lock (_gate)
            {
                _isMoving = false;
                if (exception.Code == DosErrorCode.Stale || _closing || !isSealed)
                {
                    End(exception);
                }
                else
                {
                    // A frame that has failed must not be followed by one that has not, whose place in the file is behind it: the owner
                    // begins anew. This log can still be closed.
                    _refusal = _queue.Count > 0 ? exception : null;
                    FailWaiting(exception);
                }
            }
            return;
        }
        catch (Exception exception)
        {
            // A bug: nobody may wait for ever because of it.
            lock (_gate)
            {
                End(exception);
            }
            throw;
        }
        lock (_gate)
        {
            Go();
        }
    }

    /// <summary>Seals the replicas that work at the acknowledged length. Those that do not confirm it are lost.</summary>
    private async Task<SealedSegment> SealAsync(OpenSegment old)
    {
        var length = old.Writer.AcknowledgedLength;
        var answers = await Task.WhenAll(old.Replicas.Select((replica, index) => old.Writer.IsFailed(index)
            ? Task.FromResult<ReplicaAnswer?>(null)
            : AskAsync(replica, service => service.SealAsync(old.Id, replica.Disk, _epoch, length), SealPatience)));
        if (answers.Any(answer => answer?.Outcome == ReplicaOutcome.RefusedEpoch))
        {
            throw new DosException(DosErrorCode.Stale, $"{_target} has a newer owner than epoch {_epoch}");
        }
        // A rotten one seals too, at a length that tells only how much there was.
        var lost = old.Replicas.Where((_, index) => answers[index] is not { Outcome: ReplicaOutcome.Done, Rotten: false }).ToList();
        if (lost.Count == old.Replicas.Count && length > 0)
        {
            throw old.Replicas.Select((_, index) => index).All(old.Writer.IsOutOfSpace)
                ? new DosException(DosErrorCode.NoSpace, "Every disk that holds the segment is full")
                : new DosException(DosErrorCode.Unavailable, $"No replica of segment {old.Id} answers");
        }
        _avoided.Clear();
        _avoided.UnionWith(lost.Select(replica => replica.Node));
        return new SealedSegment(old.Id, length, [.. lost.Select(replica => replica.Disk)]);
    }

    private async Task<OpenSegment> OpenAsync()
    {
        var minimum = await _services.Placer.MinimumAsync(_wanted);
        var isFull = false;
        for (var attempt = 0; attempt < OpenAttemptsMax; attempt++)
        {
            var replicas = await _services.Placer.ChooseAsync(_wanted, _avoided);
            if (replicas.Count < minimum)
            {
                // The next try may use the avoided nodes again: they may have come back.
                _avoided.Clear();
                throw isFull ? Full() : new DosException(DosErrorCode.Unavailable, $"{replicas.Count} nodes can hold a replica, {minimum} are needed");
            }
            // As they are before: one that starts again meanwhile is asked what it has.
            SiloAddress?[] addresses = [.. replicas.Select(replica => _services.Nodes.TryGetAddress(replica.Node, out var address) ? address : null)];
            var id = new SegmentId(await _services.Catalog.NextIdAsync("segment"));
            if (!await RecordAsync(id, replicas))
            {
                continue; // A node has started with another disk since the choice, which the next one knows.
            }
            var answers = await Task.WhenAll(replicas.Select(replica => AskAsync(replica, service => service.CreateAsync(
                new SegmentHeader { Segment = id, Object = _target, Epoch = _epoch, Disk = replica.Disk }), CreatePatience)));
            if (answers.All(answer => answer?.Outcome == ReplicaOutcome.Done))
            {
                _services.Reader.Learn(id, replicas);
                return new OpenSegment(id, replicas, addresses, _epoch);
            }
            if (answers.Any(answer => answer?.Outcome == ReplicaOutcome.RefusedEpoch))
            {
                throw new DosException(DosErrorCode.Stale, $"{_target} has a newer owner than epoch {_epoch}");
            }
            isFull |= answers.Any(answer => answer?.Outcome == ReplicaOutcome.NoSpace);
            _avoided.UnionWith(replicas.Where((_, index) => answers[index]?.Outcome != ReplicaOutcome.Done).Select(replica => replica.Node));
            _unrecorded.Add(new SealedSegment(id, 0, []));
        }
        throw isFull ? Full() : new DosException(DosErrorCode.Unavailable, $"No nodes made a segment for {_target}");
    }

    private static DosException Full() => new(DosErrorCode.NoSpace, "Too few disks have room for another segment");

    /// <summary>One transaction: what was sealed, and what is opened.</summary>
    /// <returns>False: it was not opened, because a node has another disk now.</returns>
    private async Task<bool> RecordAsync(SegmentId? opened, IReadOnlyList<Replica> replicas)
    {
        var sealing = _unrecorded.ToList();
        if (sealing.Count == 0 && opened is null)
        {
            return true;
        }
        bool isOpened;
        try
        {
            isOpened = await _services.Commits.RecordAsync(_target, _epoch, sealing, opened is { } id ? new OpenedSegment(id, _wanted, replicas) : null);
        }
        catch (DosException exception) when (exception.Code == DosErrorCode.OutcomeUnknown && opened is not null)
        {
            // Its row may stand. Left open without a file, it would hold up the next owner while one of its nodes is away.
            _unrecorded.Add(new SealedSegment(opened.Value, 0, []));
            throw;
        }
        _unrecorded.Clear();
        return isOpened;
    }

    private Task<ReplicaAnswer?> AskAsync(Replica replica, Func<ISegmentService, Task<ReplicaAnswer>> call, TimeSpan patience) =>
        ReplicaCalls.AskAsync(_services.Clients, replica.Node, call, patience, _services.Time);
}
