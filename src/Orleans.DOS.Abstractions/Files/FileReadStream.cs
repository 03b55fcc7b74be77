namespace Orleans.DOS.Files;

/// <summary>
/// Reads an open file in order with a window of reads ahead, so that a round trip to the bytes' node is hidden. Holds at most
/// <see cref="TransferWindow.FramesMax"/> pieces of <see cref="Limits.FramePayloadBytesMax"/> bytes, whatever the file's size.
/// </summary>
public sealed class FileReadStream : Stream
{
    private readonly IFileHandle _handle;
    private readonly FileStat _stat;
    private readonly TransferWindow _shared;
    private readonly Queue<Ahead> _ahead = new();
    private ReadOnlyMemory<byte> _current;
    private long _position;
    // Begins at one and doubles, so that a short look does not fetch two MiB.
    private int _window = 1;
    private bool _closed;

    // Where the file ended when it was last read; -1: not known.
    private long _end = -1;

    /// <param name="stat">Of the opened file: its size bounds what is read ahead (not what is read: a file may grow).</param>
    /// <param name="window">Null: that of the process.</param>
    public FileReadStream(IFileHandle handle, FileStat stat, TransferWindow? window = null)
    {
        ArgumentNullException.ThrowIfNull(handle);
        ArgumentNullException.ThrowIfNull(stat);
        _handle = handle;
        _stat = stat;
        _shared = window ?? TransferWindow.OfProcess;
    }

    private readonly record struct Ahead(long Position, int Count, Task<ReadOnlyMemory<byte>> Read, bool IsBorrowed);

    public override bool CanRead => true;
    /// <summary>False for /proc and /nodes, whose size is not known before they are read.</summary>
    public override bool CanSeek => _stat.VirtualPath is null;
    public override bool CanWrite => false;
    /// <summary>As it was when the file was opened.</summary>
    public override long Length => CanSeek ? _stat.Size : throw new NotSupportedException("the size is not known before it is read");

    public override long Position
    {
        get => _position;
        set => Seek(value, SeekOrigin.Begin);
    }

    public override async ValueTask<int> ReadAsync(Memory<byte> buffer, CancellationToken cancellationToken = default)
    {
        ObjectDisposedException.ThrowIf(_closed, this);
        if (buffer.IsEmpty)
        {
            return 0;
        }
        if (_current.IsEmpty)
        {
            _current = await NextAsync(cancellationToken).ConfigureAwait(false);
        }
        var count = Math.Min(buffer.Length, _current.Length);
        _current.Span[..count].CopyTo(buffer.Span);
        _current = _current[count..];
        _position += count;
        return count;
    }

    public override long Seek(long offset, SeekOrigin origin)
    {
        if (!CanSeek)
        {
            throw new NotSupportedException("the size is not known before it is read");
        }
        var target = origin switch { SeekOrigin.Begin => offset, SeekOrigin.Current => _position + offset, _ => _stat.Size + offset };
        ArgumentOutOfRangeException.ThrowIfNegative(target, nameof(offset));
        if (target != _position)
        {
            Forget();
            _current = default;
            _position = target;
        }
        return target;
    }

    public override Task<int> ReadAsync(byte[] buffer, int offset, int count, CancellationToken cancellationToken) =>
        ReadAsync(buffer.AsMemory(offset, count), cancellationToken).AsTask();

    public override int Read(byte[] buffer, int offset, int count) => ReadAsync(buffer.AsMemory(offset, count)).AsTask().GetAwaiter().GetResult();
    public override void Flush() { }
    public override void SetLength(long value) => throw new NotSupportedException("the stream was opened for reading");
    public override void Write(byte[] buffer, int offset, int count) => throw new NotSupportedException("the stream was opened for reading");

    public override async ValueTask DisposeAsync()
    {
        if (!_closed)
        {
            _closed = true;
            Forget();
            await _handle.DisposeAsync().ConfigureAwait(false);
        }
        GC.SuppressFinalize(this);
    }

    protected override void Dispose(bool disposing)
    {
        if (disposing)
        {
            DisposeAsync().AsTask().GetAwaiter().GetResult();
        }
        base.Dispose(disposing);
    }

    private async Task<ReadOnlyMemory<byte>> NextAsync(CancellationToken cancellationToken)
    {
        // Told once, without asking: what follows now may belong to another content, which has replaced the one that ended here.
        var isEnd = _end == _position;
        _end = -1;
        if (isEnd)
        {
            return default;
        }
        // An answer may be shorter than asked for: what was read ahead behind it then begins at the wrong place.
        if (_ahead.TryPeek(out var head) && head.Position != _position)
        {
            Forget();
        }
        Fill();
        var next = _ahead.Peek();
        ReadOnlyMemory<byte> data;
        try
        {
            data = await next.Read.WaitAsync(cancellationToken).ConfigureAwait(false);
        }
        catch when (next.Read.IsFaulted || next.Read.IsCanceled)
        {
            // The caller is told; its next read asks anew.
            Forget();
            throw;
        }
        _ahead.Dequeue();
        if (data.IsEmpty)
        {
            // At the end now; a later read asks again, because files grow.
            Forget();
            return data;
        }
        if (CanSeek && data.Length < next.Count)
        {
            _end = next.Position + data.Length; // only its end makes an answer short
        }
        _window = Math.Min(_window * 2, _shared.FramesMax);
        FillBehind(_position + data.Length, data.Length == next.Count);
        return data;
    }

    private void Fill()
    {
        if (_ahead.Count == 0)
        {
            Start(_position, borrowed: false);
        }
    }

    private void FillBehind(long position, bool whole)
    {
        if (!whole)
        {
            return;
        }
        var next = _ahead.Count == 0 ? position : _ahead.Last().Position + _ahead.Last().Count;
        for (; _ahead.Count < _window && next < _stat.Size; next += PieceAt(next))
        {
            var borrowed = _ahead.Count(static ahead => !ahead.IsBorrowed) >= _shared.OwnFrames;
            if (borrowed && !_shared.TryBorrow())
            {
                break;
            }
            Start(next, borrowed);
        }
    }

    // Reads ahead outlive the call that starts them, so they do not take its token; each is bounded by the call's own time-out.
    private void Start(long position, bool borrowed)
    {
        if (!borrowed)
        {
            _shared.Take();
        }
        _ahead.Enqueue(new Ahead(position, PieceAt(position), ReadPieceAsync(position), borrowed));
    }

    // To where a frame of what was streamed into the file ends: a piece that touched two would cost the reading of both.
    private static int PieceAt(long position) => Limits.FramePayloadBytesMax - (int)(position % Limits.FramePayloadBytesMax);

    private async Task<ReadOnlyMemory<byte>> ReadPieceAsync(long position)
    {
        try
        {
            return await _handle.ReadAsync(position, PieceAt(position), CancellationToken.None).ConfigureAwait(false);
        }
        finally
        {
            _shared.Return();
        }
    }

    private void Forget()
    {
        while (_ahead.TryDequeue(out var ahead))
        {
            // Nobody asked for these bytes, so nobody needs to hear why they did not come.
            _ = ahead.Read.ContinueWith(static read => read.Exception, CancellationToken.None, TaskContinuationOptions.OnlyOnFaulted, TaskScheduler.Default);
        }
        _window = 1;
    }
}
