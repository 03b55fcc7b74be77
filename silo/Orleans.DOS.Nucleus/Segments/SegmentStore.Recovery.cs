using System.Globalization;

namespace Orleans.DOS.Segments;

/// <summary>What happens at a start, before anybody asks.</summary>
public sealed partial class SegmentStore
{
    private const int ScanBytes = 4 * 1024 * 1024;

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

    private void Load()
    {
        foreach (var path in Directory.EnumerateFiles(SegmentsDirectory, "*.seg", SearchOption.AllDirectories))
        {
            using var handle = File.OpenHandle(path);
            if (SegmentFileHeader.Read(handle) is not { } header)
            {
                // Its making was never answered, so that nobody counts on it; kept for whoever wants to look.
                LogNoHeader(_log, path);
                continue;
            }
            _segments[header.Segment.Value] = new StoredSegment(header, new ReplicaState(header.Epoch, header.Length, 0, header.Sealed, header.Damaged), path);
        }
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

    private void Recover(StoredSegment segment, bool cacheSurvived)
    {
        var replayed = segment.Syncing;
        segment.Syncing = false;
        var end = RandomAccess.GetLength(_handles.Get(segment.Id.Value, segment.Path)) - SegmentFileHeader.LogStart;
        // A sealed one was whole on disk when it was sealed; readers and the scrubber check its frames.
        var valid = segment.State.Sealed ? Math.Min(end, segment.State.Length) : Scan(segment);
        var droppedTail = !segment.State.Sealed && end > valid;
        var next = segment.State.Recovered(valid, droppedTail, cacheSurvived);
        if (droppedTail)
        {
            RandomAccess.SetLength(_handles.Get(segment.Id.Value, segment.Path), SegmentFileHeader.LogStart + valid);
        }
        if (next.Damaged && !segment.State.Damaged)
        {
            LogDamaged(_log, segment.Id, valid, end, _directory);
            WriteHeader(segment, next);
        }
        else if (!next.Sealed || replayed)
        {
            Flush(segment);
        }
        segment.Become(next);
    }

    private long Scan(StoredSegment segment)
    {
        var valid = 0L;
        while (true)
        {
            var chunk = ReadLog(segment, valid, ScanBytes);
            var good = FrameCodec.ValidPrefix(chunk, segment.Id);
            valid += good;
            if (good == 0)
            {
                return valid;
            }
        }
    }
}
