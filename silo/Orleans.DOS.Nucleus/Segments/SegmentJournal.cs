using System.Globalization;
using Microsoft.Win32.SafeHandles;

namespace Orleans.DOS.Segments;

/// <summary>
/// One journal per disk: small unsynced ends of many segments are written behind each other and share one fsync (group commit, as
/// BookKeeper's bookies do). The segment's own file holds the same bytes in the page cache; the journal is read after a crash only.
/// When a journal file is full, the segments that it names are synced, and it becomes the next one, to be written over: its blocks are there
/// and its length stays, so that a sync writes the batch and nothing else (PostgreSQL keeps its WAL files for the same reason). If a
/// segment cannot be synced, the file stays as it is and another is made.
/// </summary>
internal sealed class SegmentJournal : IDisposable
{
    public const long FileBytesMax = 64L * 1024 * 1024;
    private const int BatchBytesMax = 1024 * 1024;

    /// <summary>A new file grows by so many zeros at a time: a node that does nothing keeps no 64 MiB.</summary>
    private const int GrowBytes = 4 * 1024 * 1024;

    private static readonly byte[] Zeros = new byte[256 * 1024];

    private readonly string _directory;
    private readonly Func<IReadOnlyCollection<long>, bool> _syncSegments;
    private readonly WorkQueue<Entry> _queue = new();
    private readonly HashSet<long> _named = [];
    private readonly Thread _thread;
    private SafeFileHandle _handle;
    private long _number;
    private long _length;
    /// <summary>Bytes of the file that are there, written before; 0 &lt;= _length &lt;= _grown where the disk had room.</summary>
    private long _grown;
    private long _batch;
    /// <summary>The file's name is on the disk.</summary>
    private bool _isNamed = true;
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
    internal Action<SafeFileHandle> Flush { get; set; } = Disk.FlushData;

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
            JournalRecord.Replay(File.ReadAllBytes(path), number, apply);
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
            var bytes = JournalRecord.HeaderBytes + first.Bytes.Length;
            while (bytes < BatchBytesMax && _queue.TryTake(out var next))
            {
                batch.Add(next);
                bytes += JournalRecord.HeaderBytes + next.Bytes.Length;
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
        if (!_isNamed)
        {
            // Before a record that counts under the new name alone.
            Disk.SyncDirectory(_directory);
            _isNamed = true;
        }
        var buffer = new byte[bytes];
        // One that failed may have left whole records, which the next may not reach over.
        var sequence = JournalRecord.Sequence(_number, ++_batch);
        var at = 0;
        foreach (var entry in batch)
        {
            at += JournalRecord.Encode(buffer.AsSpan(at), entry.Segment, entry.Offset, sequence, entry.Bytes.Span);
            _named.Add(entry.Segment);
        }
        Grow(_length + bytes);
        WriteAt(_handle, buffer, _length);
        Flush(_handle);
        _length += bytes;
    }

    private void Grow(long length)
    {
        if (_grown >= length)
        {
            return;
        }
        var wanted = Math.Max(length, Math.Min(length + GrowBytes, FileBytes));
        while (_grown < wanted)
        {
            RandomAccess.Write(_handle, Zeros.AsSpan(0, (int)Math.Min(Zeros.Length, wanted - _grown)), _grown);
            _grown += Math.Min(Zeros.Length, wanted - _grown);
        }
    }

    private void Rotate()
    {
        if (_syncSegments(_named))
        {
            // Until it has its new name it stays in use, so that the next batch can try again.
            File.Move(PathOf(_number), PathOf(_number + 1));
            _isNamed = false;
            Begin();
            return;
        }
        // The only sound copy of some frames is in it: it stays for the next start, which replays it. A segment whose sync has failed
        // takes no more, so that no later file is kept for the same one.
        var next = Create(_number + 1);
        _handle.Dispose();
        (_handle, _grown) = (next, 0);
        Begin();
    }

    private void Begin()
    {
        (_number, _length, _batch) = (_number + 1, 0, 0);
        _named.Clear();
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

    private readonly record struct Entry(long Segment, long Offset, ReadOnlyMemory<byte> Bytes, Action<Exception?> Done);
}
