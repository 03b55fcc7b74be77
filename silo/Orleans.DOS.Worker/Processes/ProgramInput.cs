using System.IO.Pipelines;

namespace Orleans.DOS.Processes;

/// <summary>Standard input of a program. The node sends at most a window of bytes beyond what was read, so that no bound is needed here.</summary>
internal sealed class ProgramInput(WorkerPipe pipe, long pid, long incarnation, CancellationToken killed) : Stream
{
    private readonly Pipe _buffer = new(new PipeOptions(pauseWriterThreshold: 0, useSynchronizationContext: false));
    private bool _completed;

    public override bool CanRead => true;
    public override bool CanSeek => false;
    public override bool CanWrite => false;
    public override long Length => throw new NotSupportedException();
    public override long Position { get => throw new NotSupportedException(); set => throw new NotSupportedException(); }

    /// <summary>Called by the receiving thread only.</summary>
    public void Add(ReadOnlyMemory<byte> data)
    {
        if (_completed)
        {
            return;
        }
        data.Span.CopyTo(_buffer.Writer.GetSpan(data.Length));
        _buffer.Writer.Advance(data.Length);
        // Completes at once: without a threshold the writer never pauses.
        _ = _buffer.Writer.FlushAsync(CancellationToken.None);
    }

    /// <summary>Called by the receiving thread only.</summary>
    public void Complete()
    {
        _completed = true;
        _buffer.Writer.Complete();
    }

    public override async ValueTask<int> ReadAsync(Memory<byte> buffer, CancellationToken cancellationToken = default)
    {
        using var either = cancellationToken.CanBeCanceled ? CancellationTokenSource.CreateLinkedTokenSource(cancellationToken, killed) : null;
        var read = await _buffer.Reader.ReadAsync(either?.Token ?? killed);
        var count = (int)Math.Min(buffer.Length, read.Buffer.Length);
        var piece = read.Buffer.Slice(0, count);
        Copy(piece, buffer.Span);
        _buffer.Reader.AdvanceTo(piece.End);
        if (count > 0)
        {
            await pipe.SendNumberAsync(WorkerPipeType.InputCredit, 0, pid, incarnation, count);
        }
        return count;
    }

    public override Task<int> ReadAsync(byte[] buffer, int offset, int count, CancellationToken cancellationToken) =>
        ReadAsync(buffer.AsMemory(offset, count), cancellationToken).AsTask();

    public override int Read(byte[] buffer, int offset, int count) => ReadAsync(buffer.AsMemory(offset, count)).AsTask().GetAwaiter().GetResult();

    public override void Flush() { }
    public override void Write(byte[] buffer, int offset, int count) => throw new NotSupportedException();
    public override long Seek(long offset, SeekOrigin origin) => throw new NotSupportedException();
    public override void SetLength(long value) => throw new NotSupportedException();

    private static void Copy(System.Buffers.ReadOnlySequence<byte> piece, Span<byte> target)
    {
        foreach (var memory in piece)
        {
            memory.Span.CopyTo(target);
            target = target[memory.Length..];
        }
    }
}
