using System.Buffers;
using Orleans.DOS.Files;

namespace Orleans.DOS.Jobs;

/// <summary>
/// Writes an attempt's file from its beginning to its end in whole frames: one frame is filled while the one before travels. One
/// thread, which blocks when both are busy, so that memory stays bounded whatever a program writes. The file is made when the first frame is
/// full, or at the end: a task that emits nothing need not cost one.
/// </summary>
internal sealed class OutputWriter : IBufferWriter<byte>, IDisposable
{
    private const int SlackBytes = 4096;
    private readonly IFiles _files;
    private readonly TaskStart _task;
    private readonly CancellationToken _cancellationToken;
    private IFileHandle? _file;
    private byte[] _filling = [];
    private byte[] _travelling = [];
    private int _filled;
    private long _written;
    private Task _write = Task.CompletedTask;

    private OutputWriter(IFiles files, TaskStart task, CancellationToken cancellationToken) => (_files, _task, _cancellationToken) = (files, task, cancellationToken);

    public bool HasFile => _file is not null;

    /// <summary>Bytes written so far.</summary>
    public long Position => _written + _filled;

    public static OutputWriter Create(IFiles files, TaskStart task, CancellationToken cancellationToken) => new(files, task, cancellationToken);

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
            Array.Resize(ref _filling, Math.Max(needed, Limits.FramePayloadBytesMax + SlackBytes));
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
        var file = Open();
        if (flush)
        {
            file.FlushAsync(_cancellationToken).GetAwaiter().GetResult();
        }
    }

    /// <summary>Sends what is left, which makes no file of nothing, and does not see to it that it is on a disk.</summary>
    public void CompleteUnlessEmpty()
    {
        if (Position > 0)
        {
            Complete(flush: false);
        }
    }

    /// <summary>Where the file lies: empty when it is small enough for the catalog.</summary>
    public IReadOnlyList<FileLocation> Locate() =>
        Position <= Limits.InlineBytesMax ? [] : Open().LocateAsync(_cancellationToken).GetAwaiter().GetResult();

    private IFileHandle Open() => _file ??= _files.OpenAsync(
        _task.Output, new FileOpenOptions { Create = true, Truncate = true, Replicas = _task.OutputReplicas }, _cancellationToken).GetAwaiter().GetResult();

    private void Send(int count)
    {
        _write.GetAwaiter().GetResult();
        _cancellationToken.ThrowIfCancellationRequested();
        var rest = _filling.AsSpan(count, _filled - count);
        if (_travelling.Length < Math.Max(rest.Length, Limits.FramePayloadBytesMax + SlackBytes))
        {
            _travelling = new byte[Math.Max(_filling.Length, Limits.FramePayloadBytesMax + SlackBytes)];
        }
        rest.CopyTo(_travelling);
        (_filling, _travelling) = (_travelling, _filling);
        _filled = rest.Length;
        _write = Open().WriteAsync(_written, _travelling.AsMemory(0, count), _cancellationToken);
        _written += count;
    }

    public void Dispose()
    {
        // After a failure the write under way may fail too; the task's report already says why.
        _ = _write.ContinueWith(static t => _ = t.Exception, CancellationToken.None, TaskContinuationOptions.OnlyOnFaulted, TaskScheduler.Default);
        _file?.DisposeAsync().AsTask().GetAwaiter().GetResult();
    }
}
