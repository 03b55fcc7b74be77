using System.Buffers;
using System.Globalization;
using System.IO.Pipelines;
using System.Net;
using System.Net.Sockets;
using Microsoft.AspNetCore.Connections;
using Microsoft.AspNetCore.Http.Features;

namespace Orleans.DOS.Client.Transport;

/// <summary>
/// One TCP connection. Who reads, reads the socket in his own loop. What is flushed is sent by a loop beside, so that the messages
/// that come while one is being sent go together.
/// </summary>
internal sealed class SocketConnection : ConnectionContext, IDuplexPipe
{
    /// <summary>Room for a whole frame and the message around it, so that one is received in few calls and sent in one.</summary>
    private const int BufferBytes = 512 * 1024;

    /// <summary>What is left of a buffer below this is not read into any more.</summary>
    private const int ReadBytesMin = 16 * 1024;

    /// <summary>A sender that is ahead of its socket by this much waits.</summary>
    private const int UnsentBytesMax = 512 * 1024;

    private static long _count;
    private readonly Socket _socket;
    private readonly NetworkStream _stream;
    private readonly CancellationTokenSource _closed = new();
    private readonly Task _sending;
    private int _aborted;

    public SocketConnection(Socket socket)
    {
        _socket = socket;
        _stream = new NetworkStream(socket, ownsSocket: true);
        (LocalEndPoint, RemoteEndPoint) = (socket.LocalEndPoint, socket.RemoteEndPoint);
        // The buffers are rented when bytes are there (zero-byte reads), so that an idle connection holds none.
        Input = PipeReader.Create(_stream, new StreamPipeReaderOptions(MemoryPool<byte>.Shared, BufferBytes, ReadBytesMin, leaveOpen: true, useZeroByteReads: true));
        var outgoing = new Pipe(new PipeOptions(
            MemoryPool<byte>.Shared, PipeScheduler.ThreadPool, PipeScheduler.ThreadPool, UnsentBytesMax, UnsentBytesMax / 2, BufferBytes, useSynchronizationContext: false));
        Output = outgoing.Writer;
        ConnectionId = string.Create(CultureInfo.InvariantCulture, $"s{Interlocked.Increment(ref _count)}");
        ConnectionClosed = _closed.Token;
        Transport = this;
        _sending = SendAsync(outgoing.Reader);
    }

    public PipeReader Input { get; }
    public PipeWriter Output { get; }
    public override string ConnectionId { get; set; }
    public override IFeatureCollection Features { get; } = new FeatureCollection();
    public override IDictionary<object, object?> Items { get; set; } = new Dictionary<object, object?>();
    public override IDuplexPipe Transport { get; set; }
    public override EndPoint? LocalEndPoint { get; set; }
    public override EndPoint? RemoteEndPoint { get; set; }
    public override CancellationToken ConnectionClosed { get; set; }

    public override void Abort(ConnectionAbortedException abortReason)
    {
        if (Interlocked.Exchange(ref _aborted, 1) != 0)
        {
            return;
        }
        try
        {
            _socket.Shutdown(SocketShutdown.Both);
        }
        catch (SocketException)
        {
            // The other side was faster.
        }
        _stream.Dispose();
        _closed.Cancel();
    }

    public override async ValueTask DisposeAsync()
    {
        Abort(new ConnectionAbortedException());
        await Output.CompleteAsync().ConfigureAwait(false);
        await _sending.ConfigureAwait(false);
        _closed.Dispose();
    }

    private async Task SendAsync(PipeReader outgoing)
    {
        Exception? failure = null;
        try
        {
            while (true)
            {
                var read = await outgoing.ReadAsync().ConfigureAwait(false);
                foreach (var piece in read.Buffer)
                {
                    await _stream.WriteAsync(piece).ConfigureAwait(false);
                }
                outgoing.AdvanceTo(read.Buffer.End);
                if (read.IsCompleted)
                {
                    break;
                }
            }
        }
        catch (Exception exception) when (exception is IOException or ObjectDisposedException)
        {
            failure = exception;
        }
        // Whoever flushes next learns of it and closes the connection.
        await outgoing.CompleteAsync(failure).ConfigureAwait(false);
    }
}
