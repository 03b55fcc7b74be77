using System.Buffers;
using System.Runtime.ExceptionServices;

namespace Orleans.DOS.Files;

/// <summary>
/// Writes an open file from a position on, or appends to it, in frames of <see cref="Limits.FramePayloadBytesMax"/> bytes. Writes at
/// positions are pipelined, at most <see cref="TransferWindow.FramesMax"/> at once (the credit window); appends go one after the
/// other, because their order is the file's. The first failure shows at the next call, and the stream is of no use after it.
/// <see cref="FlushAsync"/> and closing return when everything is on disk.
/// </summary>
public sealed class FileWriteStream : Stream
{
    private static readonly TransferWindow OneAtOnce = new(1, 0);

    private readonly IFileHandle _handle;
    private readonly bool _append;
    private readonly TransferWindow _window;
    private readonly Queue<(Task Write, bool IsBorrowed)> _inFlight = new();
    private byte[]? _frame;
    private int _filled;
    private long _position;
    private ExceptionDispatchInfo? _failure;
    private bool _failureTold;
    private bool _closed;

    /// <param name="position">Where the first byte goes; not used when appending.</param>
    /// <param name="window">Null: that of the process.</param>
    public FileWriteStream(IFileHandle handle, long position = 0, bool append = false, TransferWindow? window = null)
    {
        ArgumentNullException.ThrowIfNull(handle);
        ArgumentOutOfRangeException.ThrowIfNegative(position);
        _handle = handle;
        _position = position;
        _append = append;
        _window = append ? OneAtOnce : window ?? TransferWindow.OfProcess;
    }

    public override bool CanRead => false;
    public override bool CanSeek => false;
    public override bool CanWrite => true;
    public override long Length => throw new NotSupportedException("the stream was opened for writing");

    /// <summary>Where the next byte goes; when appending, bytes written to this stream.</summary>
    public override long Position
    {
        get => _position + _filled;
        set => throw new NotSupportedException("the stream was opened for writing");
    }

    public override async ValueTask WriteAsync(ReadOnlyMemory<byte> buffer, CancellationToken cancellationToken = default)
    {
        ObjectDisposedException.ThrowIf(_closed, this);
        ThrowIfFailed();
        while (!buffer.IsEmpty)
        {
            _frame ??= ArrayPool<byte>.Shared.Rent(Limits.FramePayloadBytesMax);
            var count = Math.Min(buffer.Length, Limits.FramePayloadBytesMax - _filled);
            buffer.Span[..count].CopyTo(_frame.AsSpan(_filled));
            _filled += count;
            buffer = buffer[count..];
            if (_filled == Limits.FramePayloadBytesMax)
            {
                await SendAsync(cancellationToken).ConfigureAwait(false);
            }
        }
    }

    public override async Task FlushAsync(CancellationToken cancellationToken)
    {
        ObjectDisposedException.ThrowIf(_closed, this);
        await DrainAsync(cancellationToken).ConfigureAwait(false);
        await _handle.FlushAsync(cancellationToken).ConfigureAwait(false);
    }

    public override Task WriteAsync(byte[] buffer, int offset, int count, CancellationToken cancellationToken) =>
        WriteAsync(buffer.AsMemory(offset, count), cancellationToken).AsTask();

    public override void Write(byte[] buffer, int offset, int count) => WriteAsync(buffer.AsMemory(offset, count)).AsTask().GetAwaiter().GetResult();
    public override void Flush() => FlushAsync(CancellationToken.None).GetAwaiter().GetResult();
    public override int Read(byte[] buffer, int offset, int count) => throw new NotSupportedException("the stream was opened for writing");
    public override long Seek(long offset, SeekOrigin origin) => throw new NotSupportedException("the stream was opened for writing");
    public override void SetLength(long value) => throw new NotSupportedException("the stream was opened for writing");

    public override async ValueTask DisposeAsync()
    {
        if (_closed)
        {
            return;
        }
        try
        {
            // Who has heard of the failure already must not have it hide what he throws himself.
            if (_failure is null || !_failureTold)
            {
                await DrainAsync(CancellationToken.None).ConfigureAwait(false);
            }
        }
        finally
        {
            _closed = true;
            await EndAsync().ConfigureAwait(false);
            GC.SuppressFinalize(this);
        }
    }

    protected override void Dispose(bool disposing)
    {
        if (disposing)
        {
            DisposeAsync().AsTask().GetAwaiter().GetResult();
        }
        base.Dispose(disposing);
    }

    // Closing the handle behind it flushes, unless everything is on disk already.
    private async ValueTask DrainAsync(CancellationToken cancellationToken)
    {
        ThrowIfFailed();
        await SendAsync(cancellationToken).ConfigureAwait(false);
        while (_inFlight.Count > 0)
        {
            await AwaitOldestAsync(cancellationToken).ConfigureAwait(false);
        }
    }

    private async ValueTask SendAsync(CancellationToken cancellationToken)
    {
        if (_filled == 0)
        {
            return;
        }
        var borrowed = false;
        while (_inFlight.Count(static frame => !frame.IsBorrowed) >= _window.OwnFrames && !(borrowed = _window.TryBorrow()))
        {
            await AwaitOldestAsync(cancellationToken).ConfigureAwait(false);
        }
        if (!borrowed)
        {
            _window.Take();
        }
        var (frame, count, position) = (_frame!, _filled, _position);
        (_frame, _filled, _position) = (null, 0, position + count);
        _inFlight.Enqueue((WriteFrameAsync(frame, count, position), borrowed));
    }

    private async Task WriteFrameAsync(byte[] frame, int count, long position)
    {
        try
        {
            if (_append)
            {
                await _handle.AppendAsync(frame.AsMemory(0, count), CancellationToken.None).ConfigureAwait(false);
            }
            else
            {
                await _handle.WriteAsync(position, frame.AsMemory(0, count), CancellationToken.None).ConfigureAwait(false);
            }
        }
        finally
        {
            ArrayPool<byte>.Shared.Return(frame);
            _window.Return();
        }
    }

    private async ValueTask AwaitOldestAsync(CancellationToken cancellationToken)
    {
        var oldest = _inFlight.Peek().Write;
        try
        {
            await oldest.WaitAsync(cancellationToken).ConfigureAwait(false);
        }
        catch (Exception exception) when (oldest.IsFaulted)
        {
            _failure ??= ExceptionDispatchInfo.Capture(exception);
        }
        _ = _inFlight.Dequeue();
        ThrowIfFailed();
    }

    private void ThrowIfFailed()
    {
        if (_failure is null && _inFlight.TryPeek(out var oldest) && oldest.Write.IsFaulted)
        {
            _failure = ExceptionDispatchInfo.Capture(oldest.Write.Exception!.InnerException!);
        }
        if (_failure is not null)
        {
            _failureTold = true;
            _failure.Throw();
        }
    }

    private async ValueTask EndAsync()
    {
        while (_inFlight.TryDequeue(out var frame))
        {
            // Behind a failure that was told; what matters is that nothing uses the handle any more.
            await frame.Write.ConfigureAwait(ConfigureAwaitOptions.SuppressThrowing);
        }
        if (_frame is not null)
        {
            ArrayPool<byte>.Shared.Return(_frame);
            _frame = null;
        }
        if (_failure is null)
        {
            await _handle.DisposeAsync().ConfigureAwait(false);
        }
    }
}
