namespace Orleans.DOS.Cli.Demo;

/// <summary>Files read one behind the other, cut off at a length.</summary>
internal sealed class ConcatenatedStream(IReadOnlyList<string> paths, long length) : Stream
{
    private int _next;
    private readonly long _length = length;
    private long _left = length;
    private FileStream? _current;

    public override bool CanRead => true;
    public override bool CanSeek => false;
    public override bool CanWrite => false;
    public override long Length => _length;
    public override long Position { get => _length - _left; set => throw new NotSupportedException(); }

    public override int Read(Span<byte> buffer)
    {
        while (_left > 0)
        {
            _current ??= _next < paths.Count ? File.OpenRead(paths[_next++]) : throw new EndOfStreamException("an input file became shorter");
            var read = _current.Read(buffer[..(int)Math.Min(buffer.Length, _left)]);
            if (read > 0)
            {
                _left -= read;
                return read;
            }
            _current.Dispose();
            _current = null;
        }
        return 0;
    }

    public override int Read(byte[] buffer, int offset, int count) => Read(buffer.AsSpan(offset, count));

    protected override void Dispose(bool disposing)
    {
        _current?.Dispose();
        base.Dispose(disposing);
    }

    public override void Flush() { }
    public override long Seek(long offset, SeekOrigin origin) => throw new NotSupportedException();
    public override void SetLength(long value) => throw new NotSupportedException();
    public override void Write(byte[] buffer, int offset, int count) => throw new NotSupportedException();
}
