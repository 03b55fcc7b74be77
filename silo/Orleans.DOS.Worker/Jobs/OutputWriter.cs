using System.Buffers;
using Orleans.DOS.Files;

namespace Orleans.DOS.Jobs;

/// <summary>
/// Writes an attempt's file from its beginning to its end in whole frames: one frame is filled while the one before travels. One
/// thread, which blocks when both are busy, so that memory stays bounded whatever a program writes.
/// </summary>
internal sealed class OutputWriter : IBufferWriter<byte>, IDisposable
{
    private const int SlackBytes = 4096;
    private readonly IFileHandle _file;
    private readonly CancellationToken _cancellationToken;
    private byte[] _filling = new byte[Limits.FramePayloadBytesMax + SlackBytes];
    private byte[] _travelling = new byte[Limits.FramePayloadBytesMax + SlackBytes];
    private int _filled;
    private long _written;
    private Task _write = Task.CompletedTask;

    private OutputWriter(IFileHandle file, CancellationToken cancellationToken) => (_file, _cancellationToken) = (file, cancellationToken);

    /// <summary>Bytes written so far.</summary>
    public long Position => _written + _filled;

    public static OutputWriter Create(IFiles files, TaskStart task, CancellationToken cancellationToken)
    {
        var options = new FileOpenOptions { Create = true, Truncate = true, Replicas = task.OutputReplicas };
        return new OutputWriter(files.OpenAsync(task.Output, options, cancellationToken).GetAwaiter().GetResult(), cancellationToken);
    }

    public void Advance(int count)
    {
        ArgumentOutOfRangeException.ThrowIfGreaterThan(count, _filling.Length - _filled);
        _filled += count;
        // Whole frames only: the owner can then describe the file by one extent.
        while (_filled >= Limits.FramePayloadBytesMax)
        {
            Send(Limits.FramePayloadBytesMax);
        }
    }

    public Span<byte> GetSpan(int sizeHint = 0) => GetMemory(sizeHint).Span;

    public Memory<byte> GetMemory(int sizeHint = 0)
    {
        var needed = _filled + Math.Max(1, sizeHint);
        if (_filling.Length < needed)
        {
            Array.Resize(ref _filling, needed);
        }
        return _filling.AsMemory(_filled);
    }

    public void Write(ReadOnlySpan<byte> bytes)
    {
        while (!bytes.IsEmpty)
        {
            var room = GetSpan();
            var count = Math.Min(room.Length, bytes.Length);
            bytes[..count].CopyTo(room);
            Advance(count);
            bytes = bytes[count..];
        }
    }

    /// <summary>Sends what is left; with <paramref name="flush"/> it is on the disks of all replicas afterwards.</summary>
    public void Complete(bool flush)
    {
        if (_filled > 0)
        {
            Send(_filled);
        }
        _write.GetAwaiter().GetResult();
        if (flush)
        {
            _file.FlushAsync(_cancellationToken).GetAwaiter().GetResult();
        }
    }

    /// <summary>Where the file lies: empty when it is small enough for the catalog.</summary>
    public IReadOnlyList<FileLocation> Locate() =>
        Position <= Limits.InlineBytesMax ? [] : _file.LocateAsync(_cancellationToken).GetAwaiter().GetResult();

    private void Send(int count)
    {
        _write.GetAwaiter().GetResult();
        _cancellationToken.ThrowIfCancellationRequested();
        var rest = _filling.AsSpan(count, _filled - count);
        if (_travelling.Length < rest.Length)
        {
            _travelling = new byte[_filling.Length];
        }
        rest.CopyTo(_travelling);
        (_filling, _travelling) = (_travelling, _filling);
        _filled = rest.Length;
        _write = _file.WriteAsync(_written, _travelling.AsMemory(0, count), _cancellationToken);
        _written += count;
    }

    public void Dispose()
    {
        // After a failure the write under way may fail too; the task's report already says why.
        _ = _write.ContinueWith(static t => _ = t.Exception, CancellationToken.None, TaskContinuationOptions.OnlyOnFaulted, TaskScheduler.Default);
        _file.DisposeAsync().AsTask().GetAwaiter().GetResult();
    }
}
