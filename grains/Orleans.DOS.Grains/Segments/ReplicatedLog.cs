using Orleans.DOS.Catalog;
using Orleans.DOS.Nodes;

namespace Orleans.DOS.Segments;

/// <summary>
/// Carries out what <see cref="SegmentWriter"/> decides. Everything that may touch state holds <see cref="_gate"/>, because
/// answers, timer and callers come from different threads; no call is awaited under it. Waiting callers are told outside their turn
/// of the gate (asynchronous continuations).
/// </summary>
internal sealed partial class ReplicatedLog : IObjectLog, IDisposable
{
    private readonly Lock _gate = new();
    private readonly LogServices _services;
    private readonly ObjectId _target;
    private readonly long _epoch;
    private readonly int _wanted;
    private readonly List<PendingAppend> _queue = [];
    private readonly List<(long Length, TaskCompletionSource Done)> _flushes = [];
    private OpenSegment? _current;
    private Task _moving = Task.CompletedTask;
    private Exception? _ended;
    /// <summary>Why frames failed: none is taken any more.</summary>
    private Exception? _refusal;
    private bool _closing;
    private bool _triedToRecord;
    private bool _ticking;
    /// <summary>A segment is being sealed or opened; its end looks at the queue.</summary>
    private bool _isMoving;
    /// <summary>The replicas of a segment are being told to seal it; until they have, what is acknowledged in it need not be on their disks.</summary>
    private bool _isSealing;
    private long _writeNumber;

    public ReplicatedLog(LogServices services, ObjectId target, long epoch, int wanted)
    {
        _services = services;
        _target = target;
        _epoch = epoch;
        _wanted = wanted;
        // Grows over owners without reading what earlier ones wrote.
        _writeNumber = epoch << 32;
        services.Watch.Add(this);
    }

    public Task<FramePlace> AppendAsync(FrameFields fields, ReadOnlyMemory<byte> payload, bool durable)
    {
        if (payload.Length > Limits.FramePayloadBytesMax)
        {
            throw new DosException(DosErrorCode.LimitExceeded, $"A frame holds at most {Limits.FramePayloadBytesMax} bytes");
        }
        lock (_gate)
        {
            if (_ended is not null || _refusal is not null || _closing)
            {
                return Task.FromException<FramePlace>(_ended ?? _refusal ?? Closed());
            }
            var pending = new PendingAppend(fields, payload, durable, _writeNumber++);
            _queue.Add(pending);
            Go();
            return pending.Task;
        }
    }

    public Task FlushAsync()
    {
        lock (_gate)
        {
            if (_ended is not null)
            {
                return Task.FromException(_ended);
            }
            var done = new TaskCompletionSource(TaskCreationOptions.RunContinuationsAsynchronously);
            if (_isSealing)
            {
                // The end of the seal completes it.
                _flushes.Add((0, done));
                return done.Task;
            }
            if (_current is not { } current || current.Writer.SyncedLength >= current.Writer.AcknowledgedLength)
            {
                // What is sealed was synced before.
                return Task.CompletedTask;
            }
            _flushes.Add((current.Writer.AcknowledgedLength, done));
            var effects = new List<WriterEffect>();
            current.Writer.Flush(Now, effects);
            Carry(current, effects);
            return done.Task;
        }
    }

    public async Task CloseAsync()
    {
        // Each round waits for what the one before began: callers that wait, then a move that was under way, then the seal.
        while (NextBeforeClosed() is { } next)
        {
            // Callers learn of failures by themselves; closing goes on with what was acknowledged.
            await next.ContinueWith(_ => { }, TaskScheduler.Current);
        }
        Dispose();
        if (_ended is not null)
        {
            throw _ended;
        }
    }

    public Task<byte[]> ReadAsync(SegmentId segment, long offset, int bytesMax) => _services.Reader.ReadAsync(segment, offset, bytesMax);

    public async Task<IReadOnlyList<NodeId>> NodesOfAsync(SegmentId segment) => [.. (await _services.Reader.ReplicasAsync(segment)).Select(replica => replica.Node)];

    public void Dispose() => _services.Watch.Remove(this);

    private long Now => (long)_services.Time.GetElapsedTime(0).TotalMilliseconds;

    private DosException Closed() => new(DosErrorCode.Stale, $"The log of {_target} is closed");

    /// <summary>What a closing log still waits for; null when nothing of it is left open.</summary>
    private Task? NextBeforeClosed()
    {
        lock (_gate)
        {
            _closing = true;
            if (_ended is not null)
            {
                return null;
            }
            if (_isMoving)
            {
                return _moving;
            }
            if (_current is { } current)
            {
                if (current.Unacknowledged.Select(pending => pending.Task).ToList() is { Count: > 0 } waiting)
                {
                    return Task.WhenAll(waiting);
                }
                var effects = new List<WriterEffect>();
                current.Writer.Seal(effects);
                Carry(current, effects);
                return _moving;
            }
            if (_unrecorded.Count == 0 || _triedToRecord)
            {
                return null;
            }
            // A try is enough: what the catalog does not know as sealed, the next owner takes over.
            (_triedToRecord, _isMoving) = (true, true);
            return _moving = MoveAsync(null);
        }
    }

    /// <summary>Brings queued frames into the open segment, or sees to it that there will be one. Under the gate.</summary>
    private void Go()
    {
        if (_current is not { } current)
        {
            if (_queue.Count > 0 && !_isMoving && _ended is null)
            {
                _isMoving = true;
                _moving = MoveAsync(null);
            }
            return;
        }
        var effects = new List<WriterEffect>();
        var taken = 0;
        while (taken < _queue.Count && current.Writer.HasRoom(_queue[taken].FrameBytes))
        {
            var pending = _queue[taken++];
            pending.PlaceAt(_target, _epoch, current.Id, current.Writer.Length);
            current.Frames.Add(current.Writer.FramesSubmitted, pending);
            current.Writer.Submit(pending.FrameBytes, pending.Durable, Now, effects);
        }
        _queue.RemoveRange(0, taken);
        if (_queue.Count > 0 && current.Writer.FramesAcknowledged == current.Writer.FramesSubmitted)
        {
            current.Writer.Seal(effects);
        }
        Carry(current, effects);
    }

    /// <summary>Does what the writer said. Under the gate; calls begin here, in order, and are awaited elsewhere.</summary>
    private void Carry(OpenSegment segment, List<WriterEffect> effects)
    {
        foreach (var effect in effects)
        {
            switch (effect.Kind)
            {
                case WriterEffectKind.Append or WriterEffectKind.Sync:
                    Call(segment, effect).Ignore();
                    break;
                case WriterEffectKind.Acknowledge:
                    segment.Frames[effect.Frame].Acknowledge();
                    break;
                case WriterEffectKind.Seal:
                    // Under the same gate, so that whoever closes finds them in one place or the other.
                    _queue.InsertRange(0, segment.Unacknowledged);
                    _current = null;
                    (_isMoving, _isSealing) = (true, true);
                    _moving = MoveAsync(segment);
                    break;
                case WriterEffectKind.End:
                    End(new DosException(DosErrorCode.Stale, $"{_target} has a newer owner than epoch {_epoch}"));
                    break;
            }
        }
        Settle(segment);
    }

    private void Settle(OpenSegment segment)
    {
        if (_current != segment)
        {
            return;
        }
        if (_flushes.Count > 0)
        {
            var synced = segment.Writer.SyncedLength;
            foreach (var (_, done) in _flushes.Where(flush => flush.Length <= synced))
            {
                done.TrySetResult();
            }
            _flushes.RemoveAll(flush => flush.Length <= synced);
        }
        segment.ForgetSent();
        if (!_ticking && segment.Writer.IsBusy)
        {
            _ticking = true;
            _services.Watch.TickSoon(this);
        }
    }

    private async Task Call(OpenSegment segment, WriterEffect effect)
    {
        var replica = segment.Replicas[effect.Replica];
        ReplicaAnswer? answer;
        try
        {
            var service = _services.Clients.Segments(replica.Node);
            var call = effect.Kind == WriterEffectKind.Append
                ? service.AppendAsync(segment.Id, replica.Disk, _epoch, effect.Offset, new Orleans.Concurrency.Immutable<byte[]>(segment.Frames[effect.Frame].Frame), effect.Sync)
                : service.SyncAsync(segment.Id, replica.Disk, _epoch, effect.Offset);
            if (call.IsCompleted)
            {
                // The rest of the effects goes first: an answer in the middle would send later frames before earlier ones.
                await Task.Yield();
            }
            answer = await call;
        }
        catch (Exception exception) when (ReplicaCalls.IsLost(exception))
        {
            await Task.Yield();
            answer = null;
        }
        lock (_gate)
        {
            var effects = new List<WriterEffect>();
            if (answer is null)
            {
                segment.Writer.Lost(effect.Replica, effect.Kind);
            }
            else
            {
                segment.Writer.Answered(effect.Replica, effect.Kind, (ReplicaVerdict)answer.Outcome, ReplicaCalls.StateOf(answer), Now, effects);
            }
            Carry(segment, effects);
            Go();
        }
    }

    /// <summary>Something was under way a moment ago: silent replicas fail, lost calls are repeated. See <see cref="LogWatch.TickSoon"/>.</summary>
    public void Tick()
    {
        lock (_gate)
        {
            _ticking = false;
            if (_current is not { } current)
            {
                return;
            }
            var effects = new List<WriterEffect>();
            for (var replica = 0; replica < current.Replicas.Count; replica++)
            {
                if (!_services.Nodes.TryGetAddress(current.Replicas[replica].Node, out _))
                {
                    current.Writer.Dead(replica, Now, effects);
                }
            }
            current.Writer.Tick(Now, effects);
            Carry(current, effects);
        }
    }

    private void End(Exception reason)
    {
        _ended ??= reason;
        _services.Watch.Remove(this);
        _queue.AddRange(_current?.Unacknowledged ?? []);
        _current = null;
        FailWaiting(_ended);
    }

    private void FailWaiting(Exception reason)
    {
        _queue.ForEach(pending => pending.Fail(reason));
        _queue.Clear();
        _flushes.ForEach(flush => flush.Done.TrySetException(reason));
        _flushes.Clear();
    }
}
