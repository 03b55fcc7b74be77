using System.Buffers.Binary;
using System.Globalization;
using Microsoft.Win32.SafeHandles;

namespace Orleans.DOS.Segments;

/// <summary>
/// One journal per disk: small unsynced ends of many segments are written behind each other and share one fsync (group commit, as
/// BookKeeper's bookies do). The segment's own file holds the same bytes in the page cache; the journal is read after a crash only.
/// When a journal file is full, the segments that it names are synced and it goes; if one cannot be synced, it stays.
/// </summary>
internal sealed class SegmentJournal : IDisposable
{
    public const long FileBytesMax = 64L * 1024 * 1024;
    private const int HeaderBytes = 32;
    private const int BatchBytesMax = 1024 * 1024;
    private const uint Magic = 0x01_4A_4F_44;

    private readonly string _directory;
    private readonly Func<IReadOnlyCollection<long>, bool> _syncSegments;
    private readonly WorkQueue<Entry> _queue = new();
    private readonly HashSet<long> _named = [];
    private readonly Thread _thread;
    private SafeFileHandle _handle;
    private long _number;
    private long _length;
    private FlushFailedException? _broken;

    /// <param name="syncSegments">Brings the files of the segments named to disk, and says whether all are; runs on the journal's thread.</param>
    public SegmentJournal(string directory, long number, Func<IReadOnlyCollection<long>, bool> syncSegments)
    {
        _directory = directory;
        _number = number;
        _syncSegments = syncSegments;
        _handle = Create(number);
        _thread = new Thread(Run) { IsBackground = true, Name = "dos-journal" };
        _thread.Start();
    }

    /// <summary>Tests put faults here.</summary>
    internal Action<SafeFileHandle, byte[], long> WriteAt { get; set; } = (handle, bytes, offset) => RandomAccess.Write(handle, bytes, offset);

    /// <summary>Bytes after which the next file begins; tests make it small.</summary>
    internal long FileBytes { get; set; } = FileBytesMax;

    /// <summary>Tests put faults here.</summary>
    internal Action<SafeFileHandle> Flush { get; set; } = Disk.Flush;

    /// <param name="done">Called on the journal's thread when the bytes are on disk, or with what went wrong.</param>
    /// <exception cref="ObjectDisposedException"/>
    public void Append(long segment, long offset, ReadOnlyMemory<byte> bytes, Action<Exception?> done) =>
        ObjectDisposedException.ThrowIf(!_queue.TryAdd(new(segment, offset, bytes, done)), this);

    public void Dispose()
    {
        _queue.Close();
        _thread.Join();
        _handle.Dispose();
    }

    /// <summary>Hands every whole record of the journals to <paramref name="apply"/>, oldest first, and answers the highest number in use.</summary>
    public static long Replay(string directory, Action<long, long, byte[]> apply)
    {
        var highest = 0L;
        foreach (var (number, path) in Files(directory))
        {
            highest = number;
            var bytes = File.ReadAllBytes(path);
            var at = 0;
            while (TryRead(bytes.AsSpan(at), out var segment, out var offset, out var data))
            {
                apply(segment, offset, data);
                at += HeaderBytes + data.Length;
            }
        }
        return highest;
    }

    public static void DeleteAll(string directory)
    {
        foreach (var (_, path) in Files(directory))
        {
            File.Delete(path);
        }
    }

    private static List<(long Number, string Path)> Files(string directory) =>
        [.. Directory.EnumerateFiles(directory, "journal-*")
            .Select(path => (Number: long.Parse(Path.GetFileName(path).AsSpan(8), NumberStyles.None, CultureInfo.InvariantCulture), path))
            .OrderBy(file => file.Number)];

    private void Run()
    {
        var batch = new List<Entry>();
        while (_queue.Take(out var first))
        {
            batch.Clear();
            batch.Add(first);
            var bytes = HeaderBytes + first.Bytes.Length;
            while (bytes < BatchBytesMax && _queue.TryTake(out var next))
            {
                batch.Add(next);
                bytes += HeaderBytes + next.Bytes.Length;
            }
            Commit(batch, bytes);
        }
    }

    private void Commit(List<Entry> batch, int bytes)
    {
        Exception? failure = _broken;
        try
        {
            if (_broken is null)
            {
                Write(batch, bytes);
            }
        }
        catch (FlushFailedException exception)
        {
            // Nobody knows what the disk has: never try the same file again.
            failure = _broken = exception;
        }
        catch (Exception exception) when (exception is IOException or UnauthorizedAccessException)
        {
            // The disk is full, or too many files are open: the next batch overwrites what this one may have left.
            failure = exception;
        }
        foreach (var entry in batch)
        {
            entry.Done(failure);
        }
    }

    private void Write(List<Entry> batch, int bytes)
    {
        if (_length + bytes > FileBytes)
        {
            Rotate();
        }
        var buffer = new byte[bytes];
        var at = 0;
        foreach (var entry in batch)
        {
            at += Encode(entry, buffer.AsSpan(at));
            _named.Add(entry.Segment);
        }
        WriteAt(_handle, buffer, _length);
        Flush(_handle);
        _length += bytes;
    }

    private void Rotate()
    {
        var isSynced = _syncSegments(_named);
        // Until the next file is there the old one stays in use, so that the next batch can try again.
        var next = Create(_number + 1);
        _handle.Dispose();
        var old = PathOf(_number);
        (_handle, _number, _length) = (next, _number + 1, 0);
        _named.Clear();
        if (isSynced)
        {
            File.Delete(old);
        }
        // Else the only sound copy of some frames is in it: it stays for the next start, which replays it. A segment whose sync has failed
        // takes no more, so that no later file is kept for the same one.
    }

    private SafeFileHandle Create(long number)
    {
        var handle = File.OpenHandle(PathOf(number), FileMode.Create, FileAccess.ReadWrite);
        try
        {
            Disk.SyncDirectory(_directory);
            return handle;
        }
        catch (IOException)
        {
            handle.Dispose();
            throw;
        }
    }

    private string PathOf(long number) => Path.Combine(_directory, string.Create(CultureInfo.InvariantCulture, $"journal-{number}"));

    private static int Encode(Entry entry, Span<byte> target)
    {
        BinaryPrimitives.WriteUInt32LittleEndian(target, Magic);
        BinaryPrimitives.WriteInt64LittleEndian(target[8..], entry.Segment);
        BinaryPrimitives.WriteInt64LittleEndian(target[16..], entry.Offset);
        BinaryPrimitives.WriteInt64LittleEndian(target[24..], entry.Bytes.Length);
        entry.Bytes.Span.CopyTo(target[HeaderBytes..]);
        var length = HeaderBytes + entry.Bytes.Length;
        BinaryPrimitives.WriteUInt32LittleEndian(target[4..], Crc32C.Compute(target[8..length]));
        return length;
    }

    private static bool TryRead(ReadOnlySpan<byte> source, out long segment, out long offset, out byte[] data)
    {
        (segment, offset, data) = (0, 0, []);
        if (source.Length < HeaderBytes || BinaryPrimitives.ReadUInt32LittleEndian(source) != Magic)
        {
            return false;
        }
        var length = BinaryPrimitives.ReadInt64LittleEndian(source[24..]);
        if (length < 0 || length > source.Length - HeaderBytes
            || BinaryPrimitives.ReadUInt32LittleEndian(source[4..]) != Crc32C.Compute(source.Slice(8, HeaderBytes - 8 + (int)length)))
        {
            return false;
        }
        segment = BinaryPrimitives.ReadInt64LittleEndian(source[8..]);
        offset = BinaryPrimitives.ReadInt64LittleEndian(source[16..]);
        data = source.Slice(HeaderBytes, (int)length).ToArray();
        return true;
    }

    private readonly record struct Entry(long Segment, long Offset, ReadOnlyMemory<byte> Bytes, Action<Exception?> Done);
}
