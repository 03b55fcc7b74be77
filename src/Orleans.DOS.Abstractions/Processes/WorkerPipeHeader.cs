using System.Buffers.Binary;

namespace Orleans.DOS.Processes;

/// <summary>What a frame of the worker pipe says. Sent: never renumber.</summary>
public enum WorkerPipeType : byte
{
    // Node to worker.
    /// <summary>Payload: <see cref="WorkerStart"/>.</summary>
    Start = 1,
    /// <summary>Bytes for standard input, never more than the program has granted (<see cref="InputCredit"/>).</summary>
    Input = 2,
    CloseInput = 3,
    /// <summary>Lane: the signal's number.</summary>
    Signal = 4,
    /// <summary>Lane: the stream; payload: 4 bytes, how many more may be sent.</summary>
    OutputCredit = 5,
    /// <summary>Payload: tasks for one slot and their door, as JSON.</summary>
    StartTask = 6,
    CancelTask = 7,

    // Worker to node.
    /// <summary>Payload: <see cref="WorkerHello"/>; the first frame, sent once.</summary>
    Ready = 32,
    /// <summary>Lane: the stream; payload: at most <see cref="WorkerPipeHeader.ChunkBytesMax"/> bytes within the credit.</summary>
    Output = 33,
    /// <summary>Payload: 4 bytes, how many bytes of input the program has read.</summary>
    InputCredit = 34,
    /// <summary>Payload: 4 bytes, the exit code. Everything the program wrote was sent before.</summary>
    Exited = 35,
    /// <summary>Payload: reports of tasks of one channel that have ended, as JSON.</summary>
    TaskDone = 36,
}

/// <summary>
/// The 24 bytes (little-endian) before each payload on the pipe between a node and a worker: 0 u8 version; 1 u8 type; 2 u8 lane;
/// 3 zero; 4 i32 payload length; 8 i64 pid (or job); 16 i64 incarnation (or task key). Both ends refuse what they do not know, because they
/// are always of one release: anything else is a bug or an intruder.
/// </summary>
public readonly record struct WorkerPipeHeader(WorkerPipeType Type, byte Lane, int Length, long First, long Second)
{
    public const byte FormatVersion = 1;
    public const int Bytes = 24;

    /// <summary>Bytes of the longest payload: a reduce task names an input for each map task.</summary>
    public const int PayloadBytesMax = 16 * 1024 * 1024;

    /// <summary>Bytes of one piece of input or output: small, so that programs share the pipe fairly.</summary>
    public const int ChunkBytesMax = 32 * 1024;

    /// <summary>Bytes of one stream that may be under way: what a program may write before the node has taken it.</summary>
    public const int WindowBytes = 128 * 1024;

    public void Write(Span<byte> target)
    {
        target[0] = FormatVersion;
        target[1] = (byte)Type;
        target[2] = Lane;
        target[3] = 0;
        BinaryPrimitives.WriteInt32LittleEndian(target[4..], Length);
        BinaryPrimitives.WriteInt64LittleEndian(target[8..], First);
        BinaryPrimitives.WriteInt64LittleEndian(target[16..], Second);
    }

    /// <exception cref="InvalidDataException">Not a header of this version, or a payload beyond the bound.</exception>
    public static WorkerPipeHeader Read(ReadOnlySpan<byte> source)
    {
        var length = BinaryPrimitives.ReadInt32LittleEndian(source[4..]);
        if (source[0] != FormatVersion || source[3] != 0 || !Enum.IsDefined((WorkerPipeType)source[1]))
        {
            throw new InvalidDataException($"Not a frame of the worker pipe, version {FormatVersion}");
        }
        if (length is < 0 or > PayloadBytesMax)
        {
            throw new InvalidDataException($"A frame of {length} bytes on the worker pipe; the bound is {PayloadBytesMax}");
        }
        return new WorkerPipeHeader((WorkerPipeType)source[1], source[2], length,
            BinaryPrimitives.ReadInt64LittleEndian(source[8..]), BinaryPrimitives.ReadInt64LittleEndian(source[16..]));
    }
}
