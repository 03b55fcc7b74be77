namespace Orleans.DOS.Processes;

/// <summary>
/// Standard output or error of a program: each write goes to the node at once, within the credit that the node grants; a program
/// that writes faster than its node takes waits here.
/// </summary>
internal sealed class ProgramOutput(WorkerPipe pipe, long pid, long incarnation, OutputStream stream, CancellationToken killed) : Stream
{
    // Released at each grant. Tickets nobody waited for only cost the (one) writer another look at the credit.
    private readonly SemaphoreSlim _granted = new(0);
    private readonly SemaphoreSlim _writing = new(1, 1);
    private int _credit = WorkerPipeHeader.WindowBytes;

    public override bool CanRead => false;
    public override bool CanSeek => false;
    public override bool CanWrite => true;
    public override long Length => throw new NotSupportedException();
    public override long Position { get => throw new NotSupportedException(); set => throw new NotSupportedException(); }

    /// <summary>The node took bytes.</summary>
    public void Grant(int bytes)
    {
        Interlocked.Add(ref _credit, bytes);
        if (_granted.CurrentCount == 0)
        {
            _granted.Release();
        }
    }

    public override void Write(ReadOnlySpan<byte> buffer)
    {
        _writing.Wait(killed);
        try
        {
            while (buffer.Length > 0)
            {
                int room;
                while ((room = Math.Min(Volatile.Read(ref _credit), Math.Min(buffer.Length, WorkerPipeHeader.ChunkBytesMax))) <= 0)
                {
                    _granted.Wait(killed);
                }
                killed.ThrowIfCancellationRequested();
                Interlocked.Add(ref _credit, -room);
                pipe.Send(WorkerPipeType.Output, (byte)stream, pid, incarnation, buffer[..room]);
                buffer = buffer[room..];
            }
        }
        finally
        {
            _writing.Release();
        }
    }

    public override void Write(byte[] buffer, int offset, int count) => Write(buffer.AsSpan(offset, count));

    public override async ValueTask WriteAsync(ReadOnlyMemory<byte> buffer, CancellationToken cancellationToken = default)
    {
        using var either = cancellationToken.CanBeCanceled ? CancellationTokenSource.CreateLinkedTokenSource(cancellationToken, killed) : null;
        var token = either?.Token ?? killed;
        await _writing.WaitAsync(token);
        try
        {
            while (buffer.Length > 0)
            {
                int room;
                while ((room = Math.Min(Volatile.Read(ref _credit), Math.Min(buffer.Length, WorkerPipeHeader.ChunkBytesMax))) <= 0)
                {
                    await _granted.WaitAsync(token);
                }
                token.ThrowIfCancellationRequested();
                Interlocked.Add(ref _credit, -room);
                await pipe.SendAsync(WorkerPipeType.Output, (byte)stream, pid, incarnation, buffer[..room]);
                buffer = buffer[room..];
            }
        }
        finally
        {
            _writing.Release();
        }
    }

    public override Task WriteAsync(byte[] buffer, int offset, int count, CancellationToken cancellationToken) =>
        WriteAsync(buffer.AsMemory(offset, count), cancellationToken).AsTask();

    public override void Flush() { }
    public override int Read(byte[] buffer, int offset, int count) => throw new NotSupportedException();
    public override long Seek(long offset, SeekOrigin origin) => throw new NotSupportedException();
    public override void SetLength(long value) => throw new NotSupportedException();
}
