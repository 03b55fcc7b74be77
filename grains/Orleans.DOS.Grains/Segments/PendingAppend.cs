namespace Orleans.DOS.Segments;

/// <summary>A frame whose caller waits. The buffer's payload part is filled once; the header is made when its segment is known.</summary>
internal sealed class PendingAppend(FrameFields fields, ReadOnlyMemory<byte> payload, bool durable, long writeNumber)
{
    private readonly TaskCompletionSource<FramePlace> _done = new(TaskCreationOptions.RunContinuationsAsynchronously);
    private byte[]? _frame;
    private FramePlace _place;

    public int FrameBytes { get; } = FrameCodec.HeaderBytes + payload.Length;
    public bool Durable => durable;
    public byte[] Frame => _frame!;
    public long Offset => _place.Offset;
    public Task<FramePlace> Task => _done.Task;

    /// <summary>Copies the payload: the caller may reuse its buffer after an acknowledgement, messages of a repeat may still be under way.</summary>
    public void PlaceAt(ObjectId target, long epoch, SegmentId segment, long offset)
    {
        // A second placing takes a new buffer: the old one may still be in a message to a replica of the sealed segment.
        var source = _frame is null ? payload.Span : _frame.AsSpan(FrameCodec.HeaderBytes);
        _frame = FrameCodec.Encode(
            new FrameHeader
            {
                PayloadLength = source.Length,
                Kind = (ushort)fields.Kind,
                Object = target,
                Epoch = epoch,
                Position = fields.Position,
                WriteNumber = writeNumber,
                ResultingSize = fields.ResultingSize,
                Time = fields.Time.Value,
                Request = fields.Request,
                RequestHash = fields.RequestHash,
                Segment = segment,
            },
            source);
        _place = new FramePlace(segment, offset, source.Length, writeNumber);
    }

    public void Acknowledge() => _done.TrySetResult(_place);

    public void Fail(Exception failure) => _done.TrySetException(failure);
}
