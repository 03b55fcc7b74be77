using Orleans.DOS.Catalog;
using Orleans.DOS.Clock;
using Orleans.DOS.Segments;

namespace Orleans.DOS.Files;

/// <summary>
/// The content of a file while this activation owns it. Small content is in the row, and each change of it is a commit; once it has
/// outgrown the row, changes are frames, and row and extents follow at checkpoints. Frames take their places in call order; they
/// become visible in that order, too, each after its acknowledgement.
/// <para>Used by one activation, whose turns interleave but never run at once: what lies between two awaits is atomic.</para>
/// </summary>
internal sealed partial class OpenFile(FileTable table, IObjectLogs logs, OwnedFile owned, TimeProvider time)
{
    /// <summary>More than a sender's patience at the highest rate of appends.</summary>
    private const int RequestsMax = 32_768;
    private const long BytesPerCheckpoint = 64L * 1024 * 1024;
    private const int FramesPerCheckpoint = 4096;

    // Held by whatever is no plain frame: commits of small content, the move into frames. Frames wait for it, to keep call order.
    private readonly SemaphoreSlim _gate = new(1);
    // Held by whatever writes row and extents. Taken inside _gate, never the other way.
    private readonly SemaphoreSlim _saving = new(1);
    private ExtentMap _map = new();
    private Dictionary<long, Extent> _saved = [];
    private byte[]? _inline;
    private IObjectLog? _log;
    private int _replicas;
    // The end of the last frame that is in _map.
    private (SegmentId Segment, long Offset)? _applied;
    // Size after everything that has a place; Size follows when it is acknowledged. Size differs only while frames are in flight.
    private long _assignedSize;
    private Task _lastFrame = Task.CompletedTask;
    private long _bytesSinceCheckpoint;
    private int _framesSinceCheckpoint;
    private HybridTime _lastTime;
    private string? _writer;

    public OwnedFile Owned => owned;
    public long Size { get; private set; }
    public long ModifiedAt { get; private set; }
    public RequestWindow Requests { get; } = new(RequestsMax);
    public long LastWriteTimestamp { get; private set; } = time.GetTimestamp();
    /// <summary>Set when a write failed: what memory says may differ from what is stored, so the activation must end.</summary>
    public bool IsPoisoned { get; private set; }
    public bool NeedsCheckpoint => _bytesSinceCheckpoint >= BytesPerCheckpoint || _framesSinceCheckpoint >= FramesPerCheckpoint;
    public bool IsInline => _inline is not null;

    /// <summary>Marks the file as open, reads what is stored, and replays the frames behind it.</summary>
    public async Task LoadAsync()
    {
        var stored = await table.BeginAsync(owned.Epoch);
        var row = stored.Row;
        _saved = stored.Extents.ToDictionary(extent => extent.Position);
        _map = new ExtentMap(stored.Extents);
        (_inline, _replicas, Size, ModifiedAt, _rowVersion) = (row.Content, (int)row.Replicas, row.Size, row.Mtime, row.Version);
        _applied = row.CheckpointSegment is { } segment ? (new SegmentId(segment), row.CheckpointOffset ?? 0) : null;
        Requests.Decode(row.Recent);
        if (row.OpenEpoch != 0 || _inline is null)
        {
            // The owner before may have written frames that no checkpoint knows.
            await OpenLogAsync();
        }
        _assignedSize = Size;
    }

    public FileReadPlan Plan(long position, int count) => _inline is { } inline
        ? new FileReadPlan(Size, inline, [])
        : new FileReadPlan(Size, null, _map.Overlapping(position, count).Select(PlannedExtent.From).ToArray());

    public IReadOnlyList<Extent> Extents => _map.Extents;

    /// <summary>The nodes of a segment that this owner writes or has written.</summary>
    public Task<IReadOnlyList<NodeId>> NodesOfAsync(SegmentId segment) => _log!.NodesOfAsync(segment);

    /// <param name="position">Null appends.</param>
    /// <returns>Where the bytes begin.</returns>
    public async Task<long> WriteAsync(WriteRequest request, long? position, byte[] data)
    {
        if (data.Length == 0)
        {
            return position ?? _assignedSize;
        }
        if (_inline is null && _gate.CurrentCount > 0)
        {
            return await BeginWrite(request, position, data);
        }
        await _gate.WaitAsync();
        Task<long> frame;
        try
        {
            RequireSound();
            if (_inline is { } inline)
            {
                var start = position ?? inline.Length;
                var end = Math.Max(start + data.Length, inline.Length);
                if (end <= Limits.InlineBytesMax)
                {
                    var changed = new byte[end];
                    inline.CopyTo(changed, 0);
                    data.CopyTo(changed, start);
                    await SaveInlineAsync(request, changed, start);
                    return start;
                }
                await MoveToFramesAsync(request);
            }
            frame = BeginWrite(request, position, data);
        }
        finally
        {
            _gate.Release();
        }
        return await frame;
    }

    public async Task TruncateAsync(WriteRequest request, long size)
    {
        await _gate.WaitAsync();
        Task frame;
        try
        {
            RequireSound();
            if (size == 0)
            {
                await ReplaceInsideGateAsync(request, []);
                return;
            }
            if (_inline is { } inline)
            {
                if (size <= Limits.InlineBytesMax)
                {
                    var changed = new byte[size];
                    inline.AsSpan(0, (int)Math.Min(size, inline.Length)).CopyTo(changed);
                    await SaveInlineAsync(request, changed, size);
                    return;
                }
                await MoveToFramesAsync(request);
            }
            _assignedSize = size;
            frame = AppendAsync(request, FrameKind.Truncate, size, [], size);
        }
        finally
        {
            _gate.Release();
        }
        await frame;
    }

    /// <summary>Replaces everything by small content, in one commit.</summary>
    public async Task ReplaceAsync(WriteRequest request, byte[] content)
    {
        await _gate.WaitAsync();
        try
        {
            RequireSound();
            await ReplaceInsideGateAsync(request, content);
        }
        finally
        {
            _gate.Release();
        }
    }

    /// <summary>Returns when everything acknowledged is on the disks of all replicas.</summary>
    public async Task FlushAsync()
    {
        if (_log is not null)
        {
            await _lastFrame;
            await _log.FlushAsync();
        }
    }

    /// <summary>
    /// Of an owner whose memory is in doubt: writes no row of the file, but seals what is open and says so in the catalog, so that the
    /// next owner need not ask nodes that may be away.
    /// </summary>
    public Task CloseLogAsync() => _log?.CloseAsync() ?? Task.CompletedTask;

    private async Task OpenLogAsync()
    {
        var checkpoint = _applied;
        _log = await logs.OpenAsync(owned.Object, owned.Epoch, _replicas, checkpoint, Replay);
    }

    private void Replay(ReplayedFrame frame)
    {
        if (_inline is not null)
        {
            // The first frame behind small content holds that content (or there was none): frames alone tell the whole file from here.
            (_inline, Size) = (null, 0);
        }
        Apply(frame.Fields, frame.Place);
    }

    /// <summary>What one frame does; in write order, when new and when replayed.</summary>
    private void Apply(FrameFields fields, FramePlace place)
    {
        if (fields.Kind == FrameKind.Data)
        {
            _map.Write(fields.Position, place.PayloadLength, place.Segment, place.Offset);
            Size = Math.Max(Size, fields.Position + place.PayloadLength);
        }
        else
        {
            _map.Truncate(fields.Position);
            Size = fields.Position;
        }
        _bytesSinceCheckpoint += place.PayloadLength;
        _framesSinceCheckpoint += _applied is { } before && before.Segment != place.Segment ? FramesPerCheckpoint : 1;
        _applied = (place.Segment, place.Offset + Extent.FrameHeaderBytes + place.PayloadLength);
        Done(CatalogTime.From(fields.Time.ToDateTimeOffset()), fields.Request, fields.RequestHash, fields.Position);
    }

    private void Done(long at, RequestId request, long hash, long answer)
    {
        ModifiedAt = Math.Max(ModifiedAt, at);
        _writes++;
        LastWriteTimestamp = time.GetTimestamp();
        Requests.Add(request, hash, answer);
    }

    /// <summary>Small content becomes the first frame; whole frames follow it from here on.</summary>
    private async Task MoveToFramesAsync(WriteRequest request)
    {
        if (_log is null)
        {
            await OpenLogAsync();
        }
        var inline = _inline!;
        if (inline.Length > 0)
        {
            // Under no request of its own: should the caller's own frame be lost, its repeat must not take this one for an answer.
            var content = request with { Request = RequestId.None, Hash = 0 };
            await AppendAsync(content, FrameKind.Data, 0, inline, inline.Length);
        }
        _inline = null;
    }

    private Task<long> BeginWrite(WriteRequest request, long? position, byte[] data)
    {
        RequireSound();
        var start = position ?? _assignedSize;
        _assignedSize = Math.Max(_assignedSize, start + data.Length);
        return AppendAsync(request, FrameKind.Data, start, data, _assignedSize);
    }

    /// <summary>Takes the frame's place at once (before the first await) and completes when it is acknowledged and visible.</summary>
    private Task<long> AppendAsync(WriteRequest request, FrameKind kind, long position, byte[] payload, long resultingSize)
    {
        _lastTime = new HybridTime(Math.Max(_lastTime.Value + 1, Math.Max(request.Time.Value, HybridTime.From(time.GetUtcNow().ToUnixTimeMilliseconds(), 0).Value)));
        var fields = new FrameFields(kind, position, resultingSize, _lastTime, request.Request, request.Hash);
        var frame = FinishAsync(_lastFrame, _log!.AppendAsync(fields, payload, request.Durable), fields);
        _lastFrame = frame;
        _writer = request.Writer;
        return frame;
    }

    private async Task<long> FinishAsync(Task before, Task<FramePlace> acknowledged, FrameFields fields)
    {
        try
        {
            var place = await acknowledged;
            await before;
            RequireSound();
            Apply(fields, place);
            return fields.Position;
        }
        catch (DosException failure) when (failure.Code is DosErrorCode.Stale or DosErrorCode.Unavailable)
        {
            // The frame may lie on some replicas: the next owner decides by replaying.
            IsPoisoned = true;
            throw new DosException(DosErrorCode.OutcomeUnknown, $"the write may or may not have been done: {failure.Error.Message}", failure);
        }
        catch
        {
            IsPoisoned = true;
            throw;
        }
    }

    private async Task ReplaceInsideGateAsync(WriteRequest request, byte[] content)
    {
        await _lastFrame;
        RequireSound();
        await SaveInlineAsync(request, content, 0);
    }

    /// <exception cref="DosException">Unavailable: a write failed, the activation ends.</exception>
    public void RequireSound()
    {
        if (IsPoisoned)
        {
            throw new DosException(new DosError(DosErrorCode.Unavailable, $"{owned.Object} is being opened anew after a failed write", TimeSpan.FromMilliseconds(100)));
        }
    }
}
