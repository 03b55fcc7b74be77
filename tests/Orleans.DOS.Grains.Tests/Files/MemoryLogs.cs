using Orleans.DOS.Catalog;
using Orleans.DOS.Segments;

namespace Orleans.DOS.Files;

/// <summary>
/// The contract of object logs over memory: real frames, small segments, fencing by epoch, replay. What the segment service adds
/// (replicas, disks, takeover) has tests of its own.
/// </summary>
internal sealed class MemoryLogs : IObjectLogs
{
    private const int SegmentBytes = 40_000;
    private readonly Lock _guard = new();
    private readonly SortedDictionary<long, (ObjectId Object, MemoryStream Log)> _segments = [];
    private readonly Dictionary<ObjectId, long> _epochs = [];
    private readonly Dictionary<long, long> _synced = [];
    private long _writes;

    public HashSet<SegmentId> Released { get; } = [];

    /// <summary>Calls of <see cref="ReadAsync"/>.</summary>
    public int Reads { get; private set; }

    /// <summary>Awaited by each flush, which covers what was written when it was asked for.</summary>
    public Func<Task> Flushing { get; set; } = static () => Task.CompletedTask;

    /// <summary>All disks forget what was not flushed.</summary>
    public void LosePower()
    {
        lock (_guard)
        {
            foreach (var (id, (_, log)) in _segments)
            {
                log.SetLength(Math.Min(log.Length, _synced.GetValueOrDefault(id)));
            }
        }
    }

    public Task<IObjectLog> OpenAsync(
        ObjectId target, long epoch, int replicas, (SegmentId Segment, long Offset)? replayFrom, Action<ReplayedFrame> replay, CancellationToken cancellationToken = default)
    {
        lock (_guard)
        {
            Require(target, epoch);
            _epochs[target] = epoch;
            foreach (var (id, (_, log)) in _segments.Where(segment => segment.Value.Object == target && segment.Key >= (replayFrom?.Segment.Value ?? 0)))
            {
                var bytes = log.ToArray();
                var at = replayFrom is { } from && from.Segment.Value == id ? (int)from.Offset : 0;
                for (; FrameCodec.TryDecode(bytes.AsSpan(at), out var header); at += header.FrameLength)
                {
                    replay(new ReplayedFrame(
                        new FrameFields((FrameKind)header.Kind, header.Position, header.ResultingSize, new Clock.HybridTime(header.Time), header.Request, header.RequestHash),
                        new FramePlace(new SegmentId(id), at, header.PayloadLength, header.WriteNumber)));
                }
            }
        }
        return Task.FromResult<IObjectLog>(new Log(this, target, epoch));
    }

    public Task<byte[]> ReadAsync(SegmentId segment, long offset, int bytesMax, CancellationToken cancellationToken = default)
    {
        lock (_guard)
        {
            Reads++;
            var bytes = _segments[segment.Value].Log.ToArray().AsSpan((int)offset);
            var end = 0;
            while (end < bytes.Length && (end == 0 || end + FrameCodec.PeekLength(bytes[end..]) <= bytesMax))
            {
                end += FrameCodec.PeekLength(bytes[end..]);
            }
            return Task.FromResult(bytes[..end].ToArray());
        }
    }

    public Task ReleaseAsync(ICatalogSession session, IReadOnlyList<SegmentId> segments)
    {
        Released.UnionWith(segments);
        return Task.CompletedTask;
    }

    private List<(long Segment, long Length)> Written(ObjectId target)
    {
        lock (_guard)
        {
            return [.. _segments.Where(segment => segment.Value.Object == target).Select(segment => (segment.Key, segment.Value.Log.Length))];
        }
    }

    private void Sync(List<(long Segment, long Length)> written)
    {
        lock (_guard)
        {
            written.ForEach(segment => _synced[segment.Segment] = Math.Max(segment.Length, _synced.GetValueOrDefault(segment.Segment)));
        }
    }

    private void Require(ObjectId target, long epoch)
    {
        if (_epochs.GetValueOrDefault(target) > epoch)
        {
            throw new DosException(DosErrorCode.Stale, $"{target} has a later owner");
        }
    }

    private FramePlace Append(ObjectId target, long epoch, long open, FrameFields fields, ReadOnlyMemory<byte> payload, out long segment)
    {
        lock (_guard)
        {
            Require(target, epoch);
            segment = open;
            if (open == 0 || _segments[open].Log.Length > SegmentBytes)
            {
                segment = _segments.Keys.LastOrDefault() + 1;
                _segments.Add(segment, (target, new MemoryStream()));
            }
            var log = _segments[segment].Log;
            var header = new FrameHeader
            {
                PayloadLength = payload.Length, Kind = (ushort)fields.Kind, Object = target, Epoch = epoch, Position = fields.Position, WriteNumber = ++_writes,
                ResultingSize = fields.ResultingSize, Time = fields.Time.Value, Request = fields.Request, RequestHash = fields.RequestHash, Segment = new SegmentId(segment),
            };
            var place = new FramePlace(new SegmentId(segment), log.Length, payload.Length, _writes);
            log.Write(FrameCodec.Encode(header, payload.Span));
            return place;
        }
    }

    private sealed class Log(MemoryLogs logs, ObjectId target, long epoch) : IObjectLog
    {
        private long _open;

        public async Task<FramePlace> AppendAsync(FrameFields fields, ReadOnlyMemory<byte> payload, bool durable)
        {
            var place = logs.Append(target, epoch, _open, fields, payload, out _open);
            await Task.Yield();
            return place;
        }

        public async Task FlushAsync()
        {
            var written = logs.Written(target);
            await logs.Flushing();
            logs.Sync(written);
        }

        public Task CloseAsync()
        {
            logs.Sync(logs.Written(target));
            return Task.CompletedTask;
        }

        public Task<byte[]> ReadAsync(SegmentId segment, long offset, int bytesMax) => logs.ReadAsync(segment, offset, bytesMax);

        public Task<IReadOnlyList<NodeId>> NodesOfAsync(SegmentId segment) => Task.FromResult<IReadOnlyList<NodeId>>([new NodeId("n-1")]);
    }
}
