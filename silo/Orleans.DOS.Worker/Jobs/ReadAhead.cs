using Orleans.DOS.Files;

namespace Orleans.DOS.Jobs;

/// <summary>
/// Reads a file from a position on in pieces, some of them fetched ahead; one consumer thread, which blocks. Pieces that begin inside
/// the range are fetched ahead; behind it (for a last record that straddles its end) only on demand.
/// </summary>
internal sealed class ReadAhead : IByteSource
{
    /// <summary>Of records: each a whole <see cref="Limits.ReadBytesMax"/>, so that one is worked on while the next two come.</summary>
    private const int LargePiecesAheadMax = 2;
    private const int PiecesAheadMax = 4;
    private readonly IFileHandle _file;
    private readonly long _end;
    private readonly long? _fileSize;
    private readonly bool _stopAtEnd;
    private readonly int _pieceBytes;
    private readonly CancellationToken _cancellationToken;
    private readonly Queue<(long Position, int Count, Task<ReadOnlyMemory<byte>> Task)> _ahead = new();
    private long _next;
    private (long Position, int Count) _missing;
    private bool _atEnd;

    private ReadAhead(TaskInput input, IFileHandle file, long position, bool stopAtEnd, int pieceBytes, CancellationToken cancellationToken)
    {
        (Path, _file, _next, _end, _stopAtEnd) = (input.Path, file, position, input.Position + input.Length, stopAtEnd);
        (_fileSize, _pieceBytes, _cancellationToken) = (input.FileSize, pieceBytes, cancellationToken);
    }

    public string Path { get; }

    /// <summary>
    /// For records: also reads behind the end of <paramref name="input"/> if asked, but never behind the size that was planned: all attempts
    /// of all tasks see one version of a file that grows.
    /// </summary>
    /// <exception cref="DosException">Conflict: the path names another file than was planned.</exception>
    public static ReadAhead Open(IFiles files, TaskInput input, long position, CancellationToken cancellationToken)
    {
        var file = Block(files.OpenAsync(input.Path, null, cancellationToken));
        if (input.Inode == InodeId.None || input.Inode == file.Inode)
        {
            return new ReadAhead(input, file, position, false, Limits.ReadBytesMax, cancellationToken);
        }
        Block(file.DisposeAsync().AsTask());
        throw new DosException(DosErrorCode.Conflict, $"{input.Path} is another file ({file.Inode}) than when the job was planned ({input.Inode})");
    }

    /// <summary>For pairs: exactly the range.</summary>
    public static ReadAhead OpenExactly(IFiles files, TaskInput input, int pieceBytes, CancellationToken cancellationToken) =>
        new(input, Block(files.OpenAsync(input.Path, null, cancellationToken)), input.Position, true, pieceBytes, cancellationToken);

    /// <summary>The following bytes; empty at the end of the file (or range).</summary>
    public ReadOnlyMemory<byte> Next() => InputException.Of(Path, NextOrThrow);

    private ReadOnlyMemory<byte> NextOrThrow()
    {
        _cancellationToken.ThrowIfCancellationRequested();
        if (_atEnd)
        {
            return default;
        }
        // A short answer is no end of file: what it left out is asked for again before anything behind it is used.
        if (_missing.Count > 0)
        {
            return Take(_missing.Position, _missing.Count, Block(_file.ReadAsync(_missing.Position, _missing.Count, _cancellationToken)));
        }
        FillAhead();
        if (_ahead.Count == 0)
        {
            return default;
        }
        var (position, count, task) = _ahead.Dequeue();
        return Take(position, count, Block(task));
    }

    private void FillAhead()
    {
        var last = _stopAtEnd ? _end : _fileSize ?? long.MaxValue;
        while (_ahead.Count < (_pieceBytes > Limits.FramePayloadBytesMax ? LargePiecesAheadMax : PiecesAheadMax) && _next < last && (_next < _end || _ahead.Count == 0))
        {
            var count = (int)(Math.Min(PieceEnd(), last) - _next);
            _ahead.Enqueue((_next, count, _file.ReadAsync(_next, count, _cancellationToken)));
            _next += count;
        }
    }

    /// <summary>
    /// Pieces end where frames do, wherever the first begins: one that touched two frames would cost the reading of both. None reaches further
    /// behind the range than the frame in which it ends.
    /// </summary>
    private long PieceEnd()
    {
        const int frame = Limits.FramePayloadBytesMax;
        var whole = _next - (_next % _pieceBytes) + _pieceBytes;
        var needed = Math.Max(_next + 1, _end);
        return Math.Min(whole, needed > long.MaxValue - frame ? needed : (needed + frame - 1) / frame * frame);
    }

    private ReadOnlyMemory<byte> Take(long position, int count, ReadOnlyMemory<byte> data)
    {
        _atEnd = data.Length == 0;
        _missing = _atEnd ? default : (position + data.Length, count - data.Length);
        if (_atEnd && _stopAtEnd)
        {
            throw new DosException(DosErrorCode.Damaged, $"{Path} ends at {position}, not at {_end}");
        }
        if (_atEnd && position < _fileSize)
        {
            throw new DosException(DosErrorCode.Conflict, $"{Path} ends at {position}; it had {_fileSize} bytes when the job was planned");
        }
        return data;
    }

    public void Dispose()
    {
        foreach (var (_, _, task) in _ahead)
        {
            // What is no longer wanted may fail; nobody depends on it.
            _ = task.ContinueWith(static t => _ = t.Exception, CancellationToken.None, TaskContinuationOptions.OnlyOnFaulted, TaskScheduler.Default);
        }
        _ahead.Clear();
        Block(_file.DisposeAsync().AsTask());
    }

    private static T Block<T>(Task<T> task) => task.GetAwaiter().GetResult();
    private static void Block(Task task) => task.GetAwaiter().GetResult();
}
