using System.Collections.Concurrent;
using Orleans.DOS.Catalog;
using Orleans.DOS.Nodes;

namespace Orleans.DOS.Segments;

/// <summary>Reads from any good replica, this node's first; when none answers, from those that were given up and are here again.</summary>
internal sealed class SegmentReader(ICatalog catalog, INodeView nodes, INodeClients clients, TimeProvider time)
{
    /// <summary>Known places; a wrong one costs a failed read and a look into the catalog.</summary>
    private const int PlacesMax = 16 * 1024;
    private static readonly TimeSpan Patience = TimeSpan.FromSeconds(2);
    private readonly ConcurrentDictionary<SegmentId, IReadOnlyList<Replica>> _places = new();

    public void Forget(SegmentId segment) => _places.TryRemove(segment, out _);

    /// <summary>Where a segment lies that this node has just made: nobody has to ask for it, also while the catalog is away.</summary>
    /// <returns>This node's first.</returns>
    public IReadOnlyList<Replica> Learn(SegmentId segment, IReadOnlyList<Replica> replicas)
    {
        if (_places.Count >= PlacesMax)
        {
            _places.Clear();
        }
        return _places[segment] = [.. replicas.OrderBy(replica => replica.Node != nodes.Self)];
    }

    /// <summary>Good replicas, this node's first.</summary>
    public async Task<IReadOnlyList<Replica>> ReplicasAsync(SegmentId segment, CancellationToken cancellationToken = default)
    {
        if (_places.TryGetValue(segment, out var known))
        {
            return known;
        }
        var rows = await catalog.ReadAsync(session => SegmentRows.ReplicasAsync(session, segment.Value), cancellationToken);
        return Learn(segment, [.. rows.Where(row => row.State == ReplicaRow.Good).Select(row => row.ToReplica())]);
    }

    /// <summary>Whole frames from <paramref name="offset"/>; none only if every good replica says that it has none there.</summary>
    /// <exception cref="DosException">Unavailable: no replica answers. Damaged: those that answer fail their checksum.</exception>
    public async Task<byte[]> ReadAsync(SegmentId segment, long offset, int bytesMax, CancellationToken cancellationToken = default)
    {
        var damaged = false;
        for (var attempt = 0; attempt < 2; attempt++)
        {
            var replicas = await ReplicasAsync(segment, cancellationToken);
            var empty = 0;
            foreach (var replica in replicas)
            {
                // One that does not answer is passed over: when none has it, that is what the caller is told.
                var chunk = await AskAsync(replica, segment, offset, bytesMax, cancellationToken);
                if (chunk is { Answer.Outcome: ReplicaOutcome.Done, Frames.Length: > 0 })
                {
                    return chunk.Frames;
                }
                // It may be one that lost its tail and was given up since its place was learned: the others may have more.
                empty += chunk?.Answer.Outcome == ReplicaOutcome.Done ? 1 : 0;
                damaged |= chunk?.Answer.Outcome == ReplicaOutcome.Failed;
            }
            Forget(segment);
            if (attempt > 0 && empty > 0 && empty == replicas.Count)
            {
                return [];
            }
        }
        if (await ReadGivenUpAsync(segment, offset, bytesMax, cancellationToken) is { } frames)
        {
            return frames;
        }
        throw damaged
            ? new DosException(DosErrorCode.Damaged, $"Segment {segment} fails its checksum at byte {offset}")
            : new DosException(DosErrorCode.Unavailable, $"No replica of segment {segment} can be read now");
    }

    /// <summary>
    /// A replica is given up because it was silent once. It may lack the tail, but what it has is what the others have: a place in a segment
    /// is written once, and each frame carries its checksum. So it can tell what is there, never that there is nothing.
    /// </summary>
    private async Task<byte[]?> ReadGivenUpAsync(SegmentId segment, long offset, int bytesMax, CancellationToken cancellationToken)
    {
        foreach (var row in await catalog.ReadAsync(session => SegmentRows.GivenUpAsync(session, segment.Value), cancellationToken))
        {
            if (await AskAsync(row.ToReplica(), segment, offset, bytesMax, cancellationToken) is { Answer.Outcome: ReplicaOutcome.Done, Frames.Length: > 0 } chunk)
            {
                return chunk.Frames;
            }
        }
        return null;
    }

    private Task<SegmentChunk?> AskAsync(Replica replica, SegmentId segment, long offset, int bytesMax, CancellationToken cancellationToken) => ReplicaCalls.AskAsync(
        clients, replica.Node, service => service.ReadAsync(segment, replica.Disk, offset, bytesMax), Patience, time, cancellationToken);
}
