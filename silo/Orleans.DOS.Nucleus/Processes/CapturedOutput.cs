using Microsoft.Win32.SafeHandles;

namespace Orleans.DOS.Processes;

/// <summary>
/// What one stream of one incarnation wrote: at most two files, each half of the bound. When the newer is full, the older is
/// deleted and a new one begun. Positions count from the first byte ever written. Memory does not grow with the output, and only a
/// file that is still written is open: ends are remembered by the thousand.
/// </summary>
internal sealed class CapturedOutput(string path, long bytesMax, long incarnation) : IDisposable
{
    private readonly Lock _gate = new();
    private readonly long _fileBytesMax = Math.Max(1, bytesMax / 2);
    // Oldest first; each begins where the one before ends.
    private readonly List<Piece> _pieces = new(2);
    private TaskCompletionSource _changed = NewSignal();
    private long _end;
    /// <summary>The end when the last append has been kept, or dropped.</summary>
    private long _target;
    private int _files;
    private bool _completed;
    private bool _dropped;
    private bool _failed;

    /// <summary>Bytes ever written.</summary>
    public long End
    {
        get
        {
            lock (_gate)
            {
                return _end;
            }
        }
    }

    /// <summary>Bytes on the disk.</summary>
    public long Kept
    {
        get
        {
            lock (_gate)
            {
                return _pieces.Count > 0 ? _end - _pieces[0].Start : 0;
            }
        }
    }

    public void Append(ReadOnlySpan<byte> data)
    {
        TaskCompletionSource signal;
        lock (_gate)
        {
            if (_dropped || _completed)
            {
                return;
            }
            _target = _end + data.Length;
            while (data.Length > 0)
            {
                var piece = Current();
                var room = (int)Math.Min(data.Length, piece.Start + _fileBytesMax - _end);
                RandomAccess.Write(piece.Handle!, data[..room], _end - piece.Start);
                _end += room;
                data = data[room..];
            }
            (signal, _changed) = (_changed, NewSignal());
        }
        signal.SetResult();
    }

    /// <summary>
    /// What could not be kept is passed over, with all that was kept before: readers see that their position has moved on, and the disk
    /// gets room.
    /// </summary>
    /// <returns>Whether it is the first time.</returns>
    public bool Drop()
    {
        TaskCompletionSource signal;
        bool first;
        lock (_gate)
        {
            (first, _failed) = (!_failed, true);
            foreach (var piece in _pieces)
            {
                piece.Delete();
            }
            _pieces.Clear();
            _end = _target;
            (signal, _changed) = (_changed, NewSignal());
        }
        signal.SetResult();
        return first;
    }

    /// <summary>Nothing follows.</summary>
    public void Complete()
    {
        TaskCompletionSource signal;
        lock (_gate)
        {
            _completed = true;
            foreach (var piece in _pieces)
            {
                piece.Close();
            }
            (signal, _changed) = (_changed, NewSignal());
        }
        signal.TrySetResult();
    }

    /// <summary>A piece from a position, or from the oldest byte kept if that is later; waits for one at the end of a living stream.</summary>
    public async Task<OutputChunk> ReadAsync(long position, TimeSpan wait)
    {
        if (position < 0)
        {
            throw new DosException(DosErrorCode.InvalidArgument, $"a position of {position} in an output");
        }
        var (chunk, changed) = ReadNow(position);
        if (chunk.Data.Length > 0 || chunk.End || wait <= TimeSpan.Zero)
        {
            return chunk;
        }
        await changed.WaitAsync(wait).ConfigureAwait(ConfigureAwaitOptions.SuppressThrowing);
        return ReadNow(position).Chunk;
    }

    /// <summary>Deletes the files.</summary>
    public void Dispose()
    {
        lock (_gate)
        {
            _dropped = true;
            foreach (var piece in _pieces)
            {
                piece.Delete();
            }
            _pieces.Clear();
        }
        Complete();
    }

    private (OutputChunk Chunk, Task Changed) ReadNow(long position)
    {
        lock (_gate)
        {
            var start = _pieces.Count > 0 ? _pieces[0].Start : _end;
            position = Math.Min(Math.Max(position, start), _end);
            var index = _pieces.FindLastIndex(piece => piece.Start <= position);
            if (index >= 0 && position < _end)
            {
                var piece = _pieces[index];
                var pieceEnd = index + 1 < _pieces.Count ? _pieces[index + 1].Start : _end;
                var data = new byte[(int)Math.Min(pieceEnd - position, Limits.FramePayloadBytesMax)];
                var read = piece.Read(data, position - piece.Start);
                if (read < data.Length)
                {
                    throw new DosException(DosErrorCode.Damaged, $"captured output '{path}' is shorter than what was written to it");
                }
                return (new OutputChunk(position, data, _completed && position + data.Length == _end, incarnation), _changed.Task);
            }
            return (new OutputChunk(position, [], _completed, incarnation), _changed.Task);
        }
    }

    private Piece Current()
    {
        if (_pieces.Count > 0 && _end < _pieces[^1].Start + _fileBytesMax)
        {
            return _pieces[^1];
        }
        if (_pieces.Count > 0)
        {
            _pieces[^1].Close();
        }
        if (_pieces.Count == 2)
        {
            _pieces[0].Delete();
            _pieces.RemoveAt(0);
        }
        var file = $"{path}.{_files++ % 3}";
        _pieces.Add(new Piece(file, _end, File.OpenHandle(file, FileMode.Create, FileAccess.ReadWrite, FileShare.ReadWrite | FileShare.Delete)));
        return _pieces[^1];
    }

    private static TaskCompletionSource NewSignal() => new(TaskCreationOptions.RunContinuationsAsynchronously);

    private sealed class Piece(string path, long start, SafeFileHandle handle)
    {
        public long Start { get; } = start;

        /// <summary>Null once nothing more is written to it.</summary>
        public SafeFileHandle? Handle { get; private set; } = handle;

        public int Read(Span<byte> into, long offset)
        {
            if (Handle is { } open)
            {
                return RandomAccess.Read(open, into, offset);
            }
            using var reading = File.OpenHandle(path, share: FileShare.ReadWrite | FileShare.Delete);
            return RandomAccess.Read(reading, into, offset);
        }

        public void Close()
        {
            Handle?.Dispose();
            Handle = null;
        }

        public void Delete()
        {
            Close();
            File.Delete(path);
        }
    }
}
