using System.Globalization;
using Microsoft.Win32.SafeHandles;

namespace Orleans.DOS.Segments;

/// <summary>What happens at a start, before anybody asks.</summary>
public sealed partial class SegmentStore
{
    private const int ScanBytes = 4 * 1024 * 1024;
    /// <summary>Stands for the run of the host when a sync has failed in it.</summary>
    private const string Unsynced = "unsynced";

    private DiskId ReadOrMakeId()
    {
        var path = Path.Combine(_directory, "disk.id");
        if (!File.Exists(path))
        {
            Disk.Replace(path, "d-" + Guid.NewGuid().ToString("N", CultureInfo.InvariantCulture)[..16]);
        }
        return new DiskId(File.ReadAllText(path).Trim());
    }

    /// <summary>Nothing written is missing: a clean end, or only the process died.</summary>
    private bool CacheSurvived()
    {
        if (!File.Exists(BootFile))
        {
            return true;
        }
        var lines = File.ReadAllLines(BootFile);
        return lines.Length == 2 && (lines[1] == "clean" || lines[0] == _boot);
    }

    /// <summary>What the page cache says may never have reached the disk although the host still runs.</summary>
    private bool IsCacheDistrusted() => File.Exists(BootFile) && File.ReadAllLines(BootFile) is [Unsynced, ..];

    private void Load()
    {
        foreach (var path in Directory.EnumerateFiles(SegmentsDirectory, "*.seg", SearchOption.AllDirectories))
        {
            using var handle = File.OpenHandle(path);
            if ((SegmentFileHeader.Read(handle) ?? OfLostHeader(path, handle)) is not { } header)
            {
                // Its making was never answered, so that nobody counts on it; kept for whoever wants to look.
                LogNoHeader(_log, path);
                continue;
            }
            _segments[header.Segment.Value] = new StoredSegment(header, header.State, path);
        }
    }

    /// <summary>
    /// Frames come after the making was answered: a file that has some was counted on, and its header has rotted since. What it knew of
    /// epochs and seals is gone with it; a rotten one takes nothing, and tells only how much there was.
    /// </summary>
    private SegmentFileHeader? OfLostHeader(string path, SafeFileHandle handle)
    {
        var end = RandomAccess.GetLength(handle) - SegmentFileHeader.LogStart;
        if (end <= 0 || !long.TryParse(Path.GetFileNameWithoutExtension(path), NumberStyles.None, CultureInfo.InvariantCulture, out var id))
        {
            return null;
        }
        LogHeaderLost(_log, path);
        return new SegmentFileHeader(0, new SegmentId(id), default, 0, end, Sealed: false, Damaged: true, Rotten: true, Synced: end);
    }

    private void Replay(long id, long offset, byte[] bytes)
    {
        if (_segments.TryGetValue(id, out var segment) && (!segment.State.Sealed || offset + bytes.Length <= segment.State.Length))
        {
            _handles.Use(id, segment.Path, handle =>
            {
                RandomAccess.Write(handle, bytes, SegmentFileHeader.LogStart + offset);
                return true;
            });
            segment.Syncing = true;
        }
    }

    private void Recover(StoredSegment segment, bool cacheSurvived, bool isDistrusted)
    {
        var replayed = segment.Syncing;
        segment.Syncing = false;
        var end = RandomAccess.GetLength(_handles.Get(segment.Id.Value, segment.Path)) - SegmentFileHeader.LogStart;
        // A sealed one was whole on disk when it was sealed; readers and the scrubber check its frames.
        var scan = segment.State.Sealed ? LogScan.Whole(end) : Scan(segment, end);
        var next = segment.State.Recovered(scan, segment.State.SyncedLength, cacheSurvived);
        if (!next.Sealed && end > next.Length)
        {
            RandomAccess.SetLength(_handles.Get(segment.Id.Value, segment.Path), SegmentFileHeader.LogStart + next.Length);
        }
        if (next.Damaged && !segment.State.Damaged)
        {
            LogDamaged(_log, segment.Id, scan.ValidEnd, end, _directory);
        }
        if (isDistrusted)
        {
            Rewrite(segment, next);
        }
        else if (next.Damaged && !segment.State.Damaged)
        {
            WriteHeader(segment, next);
        }
        else if (!next.Sealed || replayed)
        {
            Flush(segment);
        }
        segment.Become(next);
    }

    /// <summary>
    /// After a failed sync pages are clean that never reached the disk, and a next sync has nothing to write: all that was found is written
    /// once more. Of a sealed one that is the header, because its log was synced before that was written.
    /// </summary>
    private void Rewrite(StoredSegment segment, ReplicaState next)
    {
        var end = next.Sealed ? 0 : next.Length;
        for (var at = 0L; at < end;)
        {
            var bytes = ReadLog(segment, at, (int)Math.Min(ScanBytes, end - at));
            if (bytes.Length == 0)
            {
                break;
            }
            var offset = SegmentFileHeader.LogStart + at;
            _handles.Use(segment.Id.Value, segment.Path, handle =>
            {
                Calls.Rewrite(segment.Id, handle, bytes, offset);
                return true;
            });
            at += bytes.Length;
        }
        if (end > 0)
        {
            // Before the header, which says that it is there.
            Flush(segment);
        }
        WriteHeader(segment, next);
    }

    private LogScan Scan(StoredSegment segment, long end)
    {
        var valid = WalkFrom(segment, 0);
        var lastGood = valid;
        for (var at = valid; at < end && FindBehind(segment, at + 1, end) is { } found; at = lastGood)
        {
            lastGood = WalkFrom(segment, found);
        }
        return new LogScan(valid, lastGood, end);
    }

    /// <summary>End of the whole, valid frames from <paramref name="start"/> on.</summary>
    private long WalkFrom(StoredSegment segment, long start)
    {
        for (var valid = start; ;)
        {
            var good = FrameCodec.ValidPrefix(ReadLog(segment, valid, ScanBytes), segment.Id);
            if (good == 0)
            {
                return valid;
            }
            valid += good;
        }
    }

    /// <summary>Start of the next valid frame. Windows overlap by the longest frame, so that none lies across two.</summary>
    private long? FindBehind(StoredSegment segment, long from, long end)
    {
        for (var at = from; at < end; at += ScanBytes - FrameCodec.FrameBytesMax)
        {
            if (FrameCodec.FindFrame(ReadLog(segment, at, ScanBytes), 0, segment.Id) is var found && found >= 0)
            {
                return at + found;
            }
        }
        return null;
    }
}
