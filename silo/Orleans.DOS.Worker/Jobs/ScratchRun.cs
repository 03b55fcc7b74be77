using System.Buffers;

namespace Orleans.DOS.Jobs;

/// <summary>A sorted run on the worker's local disk, gone when it is closed.</summary>
internal sealed class ScratchRun : IBufferWriter<byte>, IDisposable
{
    private const int BufferBytes = 256 * 1024;
    private readonly FileStream _file;
    private byte[] _buffer = new byte[BufferBytes];
    private int _filled;

    public ScratchRun(string directory)
    {
        Directory.CreateDirectory(directory);
        var name = Path.Combine(directory, $"run-{Guid.NewGuid():n}");
        _file = new FileStream(name, FileMode.CreateNew, FileAccess.ReadWrite, FileShare.None, 0, FileOptions.DeleteOnClose);
    }

    /// <summary>Bytes written.</summary>
    public long Length => _file.Position + _filled;

    public void Advance(int count) => _filled += count;

    public Span<byte> GetSpan(int sizeHint = 0) => GetMemory(sizeHint).Span;

    public Memory<byte> GetMemory(int sizeHint = 0)
    {
        sizeHint = Math.Max(1, sizeHint);
        if (_buffer.Length - _filled < sizeHint)
        {
            Flush();
            if (_buffer.Length < sizeHint)
            {
                _buffer = new byte[sizeHint];
            }
        }
        return _buffer.AsMemory(_filled);
    }

    /// <summary>Ends writing; the run is read from here on.</summary>
    public void Flush()
    {
        _file.Write(_buffer, 0, _filled);
        _filled = 0;
    }

    public IByteSource Read(long position, long length, int pieceBytes) => new Part(_file, position, length, pieceBytes);

    public void Dispose() => _file.Dispose();

    private sealed class Part(FileStream file, long position, long length, int pieceBytes) : IByteSource
    {
        private readonly byte[] _piece = new byte[(int)Math.Min(pieceBytes, Math.Max(1, length))];
        private long _done;

        public ReadOnlyMemory<byte> Next()
        {
            var count = (int)Math.Min(_piece.Length, length - _done);
            if (count == 0)
            {
                return default;
            }
            var read = RandomAccess.Read(file.SafeFileHandle, _piece.AsSpan(0, count), position + _done);
            _done += read;
            return read > 0 ? _piece.AsMemory(0, read) : throw new DosException(DosErrorCode.Damaged, "a run on the local disk is cut off");
        }

        public void Dispose() { }
    }
}
