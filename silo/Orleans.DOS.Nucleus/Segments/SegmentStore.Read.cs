namespace Orleans.DOS.Segments;

/// <summary>Reading, and what a read that fails says of the bytes.</summary>
public sealed partial class SegmentStore
{
    private enum ReadFault
    {
        None,
        /// <summary>The frame that begins there fails its checksum.</summary>
        Bad,
        /// <summary>The disk does not give it, this time.</summary>
        Unreadable,
        /// <summary>Nothing is said of the bytes: the process has no descriptor left, or no memory.</summary>
        NotTried,
    }

    /// <summary>Whole frames from <paramref name="offset"/>, checked; at least one if there is one.</summary>
    public Task<SegmentChunk> ReadAsync(SegmentId id, long offset, int bytesMax)
    {
        if (!_segments.TryGetValue(id.Value, out var segment))
        {
            return Task.FromResult(new SegmentChunk(Missing(), []));
        }
        return ReadThreadOf(offset).RunAsync(() => Read(segment, offset, bytesMax, out _));
    }

    private DiskThread ReadThreadOf(long offset) => _read[(int)((ulong)offset >> 18) % ReadThreads];

    private SegmentChunk Read(StoredSegment segment, long offset, int bytesMax, out ReadFault fault)
    {
        fault = ReadFault.None;
        var left = segment.ReadableLength - offset;
        var answer = Answer(ReplicaVerdict.Done, segment.State);
        if (offset < 0 || left <= 0)
        {
            return new SegmentChunk(left == 0 && offset >= 0 ? answer : answer with { Outcome = ReplicaOutcome.RefusedOffset }, []);
        }
        try
        {
            var bytes = ReadLog(segment, offset, (int)Math.Min(left, Math.Max(bytesMax, FrameCodec.HeaderBytes)));
            var first = FrameCodec.PeekLength(bytes);
            if (first > bytes.Length && first <= left)
            {
                bytes = ReadLog(segment, offset, first);
            }
            var valid = FrameCodec.ValidPrefix(bytes, segment.Id);
            if (valid == 0 || (valid < bytes.Length && FrameCodec.PeekLength(bytes.AsSpan(valid)) is var next && next > 0 && next <= bytes.Length - valid))
            {
                LogReadDamaged(_log, segment.Id, offset + valid, _directory);
                fault = valid == 0 ? ReadFault.Bad : ReadFault.None;
                answer = answer with { Outcome = valid == 0 ? ReplicaOutcome.Failed : ReplicaOutcome.Done };
            }
            Array.Resize(ref bytes, valid);
            return new SegmentChunk(answer, bytes);
        }
        catch (IOException exception)
        {
            fault = Disk.IsShortOfMeans(exception) ? ReadFault.NotTried : ReadFault.Unreadable;
            LogDiskFailed(_log, exception, segment.Id, _directory);
            return new SegmentChunk(answer with { Outcome = ReplicaOutcome.Failed }, []);
        }
    }
}
