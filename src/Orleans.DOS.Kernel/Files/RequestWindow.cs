using System.Buffers.Binary;

namespace Orleans.DOS.Files;

/// <summary>
/// The newest requests that an owner carried out, with their answers, so that a repeat is answered and not done again. Bounded: a
/// sender repeats what it has not yet had an answer to, which is among its newest.
/// </summary>
public sealed class RequestWindow(int capacity)
{
    private const byte FormatVersion = 1;
    private const int EntryBytes = 4 * sizeof(long);

    private readonly Dictionary<RequestId, (long Hash, long Answer)> _entries = [];
    // Oldest first; the same requests as in _entries.
    private readonly Queue<RequestId> _order = new();

    public int Count => _entries.Count;

    /// <exception cref="DosException">StepDiverged: the id was used for another request.</exception>
    public bool TryFind(RequestId request, long hash, out long answer)
    {
        answer = 0;
        if (!_entries.TryGetValue(request, out var entry))
        {
            return false;
        }
        answer = entry.Answer;
        return entry.Hash == hash ? true : throw Diverged(request);
    }

    public void Add(RequestId request, long hash, long answer)
    {
        if (request == RequestId.None || !_entries.TryAdd(request, (hash, answer)))
        {
            return;
        }
        _order.Enqueue(request);
        while (_order.Count > capacity)
        {
            _entries.Remove(_order.Dequeue());
        }
    }

    /// <summary>The newest entries in the stored form: a version byte, then sender, number, hash, answer of each, little endian, oldest first.</summary>
    public byte[] Encode(int entriesMax)
    {
        var kept = _order.Skip(Math.Max(0, _order.Count - entriesMax)).ToArray();
        var bytes = new byte[1 + (kept.Length * EntryBytes)];
        bytes[0] = FormatVersion;
        var rest = bytes.AsSpan(1);
        foreach (var request in kept)
        {
            var (hash, answer) = _entries[request];
            BinaryPrimitives.WriteInt64LittleEndian(rest, request.Sender);
            BinaryPrimitives.WriteInt64LittleEndian(rest[8..], request.Number);
            BinaryPrimitives.WriteInt64LittleEndian(rest[16..], hash);
            BinaryPrimitives.WriteInt64LittleEndian(rest[24..], answer);
            rest = rest[EntryBytes..];
        }
        return bytes;
    }

    /// <summary>Takes up what <see cref="Encode"/> wrote; null is an empty window.</summary>
    /// <exception cref="InvalidDataException">Of an unknown version or cut off.</exception>
    public void Decode(byte[]? bytes)
    {
        if (bytes is null or [])
        {
            return;
        }
        if (bytes[0] != FormatVersion || (bytes.Length - 1) % EntryBytes != 0)
        {
            throw new InvalidDataException($"a request window of version {bytes[0]} and {bytes.Length} bytes is not readable");
        }
        for (var rest = bytes.AsSpan(1); rest.Length > 0; rest = rest[EntryBytes..])
        {
            Add(
                new RequestId(BinaryPrimitives.ReadInt64LittleEndian(rest), BinaryPrimitives.ReadInt64LittleEndian(rest[8..])),
                BinaryPrimitives.ReadInt64LittleEndian(rest[16..]), BinaryPrimitives.ReadInt64LittleEndian(rest[24..]));
        }
    }

    public static DosException Diverged(RequestId request) =>
        new(DosErrorCode.StepDiverged, $"request {request} was already used for something else");
}
