using System.Buffers;
using System.Buffers.Binary;

namespace Orleans.DOS.Processes;

/// <summary>One frame. <paramref name="Payload"/> is good only until the next one is received.</summary>
public readonly record struct WorkerPipeFrame(WorkerPipeHeader Header, ReadOnlyMemory<byte> Payload)
{
    /// <summary>The number of a credit or exit frame.</summary>
    public int Number => Payload.Length == 4
        ? BinaryPrimitives.ReadInt32LittleEndian(Payload.Span)
        : throw new InvalidDataException($"{Header.Type} carries {Payload.Length} bytes instead of a number");
}

/// <summary>
/// One end of the pipe between a node and a worker. Any thread may send; one receives. The worker uses the blocking forms on
/// threads of its own, so that a program that fills the thread pool cannot keep it from hearing its node.
/// </summary>
public sealed class WorkerPipe(Stream stream) : IDisposable
{
    /// <summary>Bytes read at once: many small frames come with one call to the host.</summary>
    private const int ReadBytes = 16 * 1024;

    private readonly SemaphoreSlim _sending = new(1, 1);
    /// <summary>For reading only; what is sent goes past it.</summary>
    private readonly BufferedStream _received = new(stream, ReadBytes);
    private readonly byte[] _header = new byte[WorkerPipeHeader.Bytes];
    private byte[] _payload = new byte[WorkerPipeHeader.ChunkBytesMax];

    public void Send(WorkerPipeType type, byte lane, long first, long second, ReadOnlySpan<byte> payload)
    {
        var frame = Frame(type, lane, first, second, payload, out var length);
        _sending.Wait();
        try
        {
            stream.Write(frame, 0, length);
        }
        finally
        {
            _sending.Release();
            ArrayPool<byte>.Shared.Return(frame);
        }
    }

    public async Task SendAsync(WorkerPipeType type, byte lane, long first, long second, ReadOnlyMemory<byte> payload)
    {
        var frame = Frame(type, lane, first, second, payload.Span, out var length);
        await _sending.WaitAsync().ConfigureAwait(false);
        try
        {
            await stream.WriteAsync(frame.AsMemory(0, length)).ConfigureAwait(false);
        }
        finally
        {
            _sending.Release();
            ArrayPool<byte>.Shared.Return(frame);
        }
    }

    public void SendNumber(WorkerPipeType type, byte lane, long first, long second, int number)
    {
        Span<byte> payload = stackalloc byte[4];
        BinaryPrimitives.WriteInt32LittleEndian(payload, number);
        Send(type, lane, first, second, payload);
    }

    public Task SendNumberAsync(WorkerPipeType type, byte lane, long first, long second, int number)
    {
        var payload = new byte[4];
        BinaryPrimitives.WriteInt32LittleEndian(payload, number);
        return SendAsync(type, lane, first, second, payload);
    }

    /// <returns>Null when the other end is gone.</returns>
    public WorkerPipeFrame? Receive()
    {
        if (_received.ReadAtLeast(_header, _header.Length, throwOnEndOfStream: false) < _header.Length)
        {
            return null;
        }
        var payload = PayloadBuffer(out var header);
        return _received.ReadAtLeast(payload.Span, payload.Length, throwOnEndOfStream: false) < payload.Length
            ? null
            : new WorkerPipeFrame(header, payload);
    }

    /// <inheritdoc cref="Receive"/>
    public async ValueTask<WorkerPipeFrame?> ReceiveAsync(CancellationToken cancellationToken = default)
    {
        if (await _received.ReadAtLeastAsync(_header, _header.Length, throwOnEndOfStream: false, cancellationToken).ConfigureAwait(false) < _header.Length)
        {
            return null;
        }
        var payload = PayloadBuffer(out var header);
        return await _received.ReadAtLeastAsync(payload, payload.Length, throwOnEndOfStream: false, cancellationToken).ConfigureAwait(false) < payload.Length
            ? null
            : new WorkerPipeFrame(header, payload);
    }

    public void Dispose() => stream.Dispose();

    private Memory<byte> PayloadBuffer(out WorkerPipeHeader header)
    {
        header = WorkerPipeHeader.Read(_header);
        if (_payload.Length < header.Length || (_payload.Length > WorkerPipeHeader.ChunkBytesMax && header.Length <= WorkerPipeHeader.ChunkBytesMax))
        {
            // Large frames are rare; keeping their buffer would cost every worker its size for ever.
            _payload = new byte[Math.Max(header.Length, WorkerPipeHeader.ChunkBytesMax)];
        }
        return _payload.AsMemory(0, header.Length);
    }

    private static byte[] Frame(WorkerPipeType type, byte lane, long first, long second, ReadOnlySpan<byte> payload, out int length)
    {
        if (payload.Length > WorkerPipeHeader.PayloadBytesMax)
        {
            throw new DosException(DosErrorCode.LimitExceeded, $"A message of {payload.Length} bytes to a worker; the bound is {WorkerPipeHeader.PayloadBytesMax}");
        }
        length = WorkerPipeHeader.Bytes + payload.Length;
        var frame = ArrayPool<byte>.Shared.Rent(length);
        new WorkerPipeHeader(type, lane, payload.Length, first, second).Write(frame);
        payload.CopyTo(frame.AsSpan(WorkerPipeHeader.Bytes));
        return frame;
    }
}
