using Orleans.DOS.Catalog;
using Orleans.DOS.Nodes;

namespace Orleans.DOS.Segments;

/// <summary>
/// Opens logs: takes over what an earlier owner left open, replays what the checkpoint does not cover, then writes
/// (<see cref="ReplicatedLog"/>). One per node.
/// </summary>
public sealed class ObjectLogs : IObjectLogs, IAsyncDisposable
{
    private const int ReplayBytes = 1024 * 1024;
    private const int SealAttemptsMax = 2;
    private static readonly TimeSpan SealPatience = TimeSpan.FromSeconds(2);
    private readonly LogServices _services;

    /// <param name="own">The segments on this node, where they can be asked directly.</param>
    public ObjectLogs(ICatalog catalog, INodeView nodes, INodeClients clients, TimeProvider time, ISegmentService? own = null)
    {
        var nearby = new NearbySegments(nodes, clients, own);
        _services = new(catalog, new SegmentCommits(catalog, time), nodes, nearby, new SegmentPlacer(nodes, catalog), new SegmentReader(catalog, nodes, nearby, time), new LogWatch(time), time);
    }

    public async Task<IObjectLog> OpenAsync(ObjectId target, long epoch, int replicas, (SegmentId Segment, long Offset)? replayFrom, Action<ReplayedFrame> replay, CancellationToken cancellationToken = default)
    {
        if (replicas is < 1 or > Limits.ReplicasMax)
        {
            throw new DosException(DosErrorCode.LimitExceeded, $"An object has 1 to {Limits.ReplicasMax} replicas, not {replicas}");
        }
        var segments = await _services.Catalog.ReadAsync(session => SegmentRows.OfObjectAsync(session, target), cancellationToken);
        var reached = replayFrom is null;
        foreach (var segment in segments)
        {
            var length = segment.State == SegmentRow.Open ? await TakeOverAsync(target, epoch, segment) : segment.Length;
            var holdsCheckpoint = replayFrom is { } point && segment.SegmentId == point.Segment.Value;
            if (holdsCheckpoint && replayFrom!.Value.Offset > length)
            {
                throw new DosException(DosErrorCode.Damaged, $"The checkpoint of {target} is at byte {replayFrom.Value.Offset} of segment {segment.SegmentId}, which has {length}");
            }
            var from = holdsCheckpoint ? replayFrom!.Value.Offset : reached ? 0 : length;
            reached |= holdsCheckpoint;
            await ReplayAsync(target, new SegmentId(segment.SegmentId), from, length, replay, cancellationToken);
        }
        if (!reached)
        {
            // What lies behind the checkpoint cannot be told from what lies before it: never "nothing".
            throw new DosException(DosErrorCode.Damaged, $"The checkpoint of {target} is in segment {replayFrom!.Value.Segment}, which does not exist");
        }
        return new ReplicatedLog(_services, target, epoch, replicas);
    }

    public ValueTask DisposeAsync()
    {
        _services.Watch.Dispose();
        return _services.Commits.DisposeAsync();
    }

    public Task<byte[]> ReadAsync(SegmentId segment, long offset, int bytesMax, CancellationToken cancellationToken = default) =>
        _services.Reader.ReadAsync(segment, offset, bytesMax, cancellationToken);

    public async Task ReleaseAsync(ICatalogSession session, IReadOnlyList<SegmentId> segments)
    {
        var now = CatalogTime.From(_services.Time.GetUtcNow());
        foreach (var segment in segments)
        {
            await session.ExecuteAsync("UPDATE dos_segments SET state = 3, deleted_at = @now WHERE segment_id = @segment AND state < 3", new { now, segment = segment.Value });
        }
    }

    /// <returns>Bytes of the sealed segment.</returns>
    private async Task<long> TakeOverAsync(ObjectId target, long epoch, SegmentRow segment)
    {
        var id = new SegmentId(segment.SegmentId);
        var rows = await _services.Catalog.ReadAsync(session => SegmentRows.ReplicasAsync(session, segment.SegmentId));
        var replicas = rows.Select(row => row.ToReplica()).ToList();
        var answers = await Task.WhenAll(replicas.Select(replica => AskSealAsync(replica, id, epoch)));
        var decision = Takeover.Decide([.. answers.Select(answer => new SealAnswer((ReplicaVerdict?)answer?.Outcome, answer?.Length ?? 0, answer?.Damaged ?? true, answer?.Rotten ?? false))]);
        switch (decision.Outcome)
        {
            case TakeoverOutcome.Stale:
                throw new DosException(DosErrorCode.Stale, $"{target} has a newer owner than epoch {epoch}");
            case TakeoverOutcome.Unavailable:
                throw new DosException(DosErrorCode.Unavailable, $"What was acknowledged in segment {id} cannot be known before more of its replicas answer");
        }
        var lost = decision.Lost.Select(index => replicas[index].Disk).ToList();
        foreach (var replica in decision.CopyTo.Select(index => replicas[index]))
        {
            var source = replicas[decision.Source];
            var header = new SegmentHeader { Segment = id, Object = target, Epoch = epoch, Disk = replica.Disk };
            if (!await ReplicaCalls.CopyAsync(_services.Clients, replica, header, epoch, source, decision.Length, paced: false, Limits.CallTimeout, _services.Time))
            {
                lost.Add(replica.Disk);
            }
        }
        await _services.Commits.RecordAsync(target, epoch, [new SealedSegment(id, decision.Length, lost)], null);
        _services.Reader.Forget(id);
        return decision.Length;
    }

    private async Task<ReplicaAnswer?> AskSealAsync(Replica replica, SegmentId segment, long epoch)
    {
        ReplicaAnswer? answer = null;
        for (var attempt = 0; attempt < SealAttemptsMax && answer is null && _services.Nodes.TryGetAddress(replica.Node, out _); attempt++)
        {
            answer = await AskAsync(replica, service => service.SealAsync(segment, replica.Disk, epoch, null), SealPatience);
        }
        return answer;
    }

    private async Task ReplayAsync(ObjectId target, SegmentId segment, long from, long length, Action<ReplayedFrame> replay, CancellationToken cancellationToken)
    {
        while (from < length)
        {
            var bytes = await _services.Reader.ReadAsync(segment, from, ReplayBytes, cancellationToken);
            var at = 0;
            while (at < bytes.Length && from < length && FrameCodec.TryDecode(bytes.AsSpan(at), out var header))
            {
                if (header.Segment != segment || header.Object != target)
                {
                    throw new DosException(DosErrorCode.Damaged, $"Segment {segment} holds a frame of {header.Object} at byte {from}");
                }
                var fields = new FrameFields((FrameKind)header.Kind, header.Position, header.ResultingSize, new Clock.HybridTime(header.Time), header.Request, header.RequestHash);
                replay(new ReplayedFrame(fields, new FramePlace(segment, from, header.PayloadLength, header.WriteNumber)));
                at += header.FrameLength;
                from += header.FrameLength;
            }
            if (at == 0)
            {
                throw new DosException(DosErrorCode.Damaged, $"Segment {segment} has no frame at byte {from}");
            }
        }
    }

    private Task<ReplicaAnswer?> AskAsync(Replica replica, Func<ISegmentService, Task<ReplicaAnswer>> call, TimeSpan patience) =>
        ReplicaCalls.AskAsync(_services.Clients, replica.Node, call, patience, _services.Time);
}
