namespace Orleans.DOS.Processes;

/// <summary>
/// Standard input on its way to a program: what was taken and not yet sent waits here, at most
/// <see cref="Limits.StandardInputBufferBytesMax"/>; a writer beyond that waits.
/// Invariants: 0 &lt;= sent &lt;= taken; taken - sent = bytes queued.
/// </summary>
/// <param name="isClosed">It is at its end from the start, and the program is told so by its start.</param>
internal sealed class InputBuffer(Func<ReadOnlyMemory<byte>, Task> send, Func<Task> sendClose, bool isClosed = false)
{
    private readonly Lock _gate = new();
    private readonly LinkedList<ReadOnlyMemory<byte>> _queued = new();
    private TaskCompletionSource _room = NewSignal();
    private long _taken;
    private long _sent;
    private int _credit = WorkerPipeHeader.WindowBytes;
    private bool _closing = isClosed;
    private bool _closeSent = isClosed;
    private bool _dead;
    private bool _pumping;

    /// <returns>Bytes taken in all since the start.</returns>
    public async Task<long> WriteAsync(long position, byte[] data, TimeSpan wait)
    {
        while (true)
        {
            Task room;
            lock (_gate)
            {
                if (position < 0 || position > _taken)
                {
                    throw new DosException(DosErrorCode.InvalidArgument, $"input at {position}, but only {_taken} bytes came before");
                }
                // What was taken already is a repeat, also when the stream was closed since.
                var already = (int)Math.Min(data.Length, _taken - position);
                if (already == data.Length)
                {
                    return _taken;
                }
                if (_dead || _closing)
                {
                    throw new DosException(DosErrorCode.PipeClosed, "standard input is closed");
                }
                var take = (int)Math.Min(data.Length - already, Limits.StandardInputBufferBytesMax - (_taken - _sent));
                if (take > 0)
                {
                    _queued.AddLast(data.AsMemory(already, take));
                    _taken += take;
                    room = Task.CompletedTask;
                }
                else
                {
                    room = _room.Task;
                }
            }
            if (room.IsCompleted)
            {
                await PumpAsync().ConfigureAwait(false);
                return Taken;
            }
            await room.WaitAsync(wait).ConfigureAwait(ConfigureAwaitOptions.SuppressThrowing);
            if (!room.IsCompleted)
            {
                return Taken;
            }
        }
    }

    /// <summary>The end of the input, after everything that was taken. Repeating it is harmless.</summary>
    public Task CloseAsync()
    {
        lock (_gate)
        {
            _closing = true;
        }
        return PumpAsync();
    }

    /// <summary>The program has read bytes.</summary>
    public Task GrantAsync(int bytes)
    {
        lock (_gate)
        {
            _credit += bytes;
        }
        return PumpAsync();
    }

    /// <summary>The program is gone.</summary>
    public void Break()
    {
        lock (_gate)
        {
            _dead = true;
            _queued.Clear();
            _sent = _taken;
            _room.TrySetResult();
        }
    }

    private long Taken
    {
        get
        {
            lock (_gate)
            {
                return _taken;
            }
        }
    }

    /// <summary>Sends what credit allows, one sender at a time so that the order holds.</summary>
    private async Task PumpAsync()
    {
        lock (_gate)
        {
            if (_pumping)
            {
                return;
            }
            _pumping = true;
        }
        while (Next() is { } piece)
        {
            await (piece.IsEmpty ? sendClose() : send(piece)).ConfigureAwait(false);
        }
    }

    /// <returns>Null when there is nothing to do now (and the pump has stopped); empty: the end.</returns>
    private ReadOnlyMemory<byte>? Next()
    {
        lock (_gate)
        {
            if (!_dead && _queued.Count > 0 && _credit > 0)
            {
                var head = _queued.First!.Value;
                _queued.RemoveFirst();
                var count = Math.Min(head.Length, Math.Min(_credit, WorkerPipeHeader.ChunkBytesMax));
                if (count < head.Length)
                {
                    _queued.AddFirst(head[count..]);
                }
                _credit -= count;
                _sent += count;
                _room.TrySetResult();
                _room = NewSignal();
                return head[..count];
            }
            if (!_dead && _closing && !_closeSent && _queued.Count == 0)
            {
                _closeSent = true;
                return ReadOnlyMemory<byte>.Empty;
            }
            _pumping = false;
            return null;
        }
    }

    private static TaskCompletionSource NewSignal() => new(TaskCreationOptions.RunContinuationsAsynchronously);
}
