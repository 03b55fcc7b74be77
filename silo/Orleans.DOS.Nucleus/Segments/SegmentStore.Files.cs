using System.Globalization;
using Microsoft.Win32.SafeHandles;

namespace Orleans.DOS.Segments;

/// <summary>The blocking half: each method is called on the thread that its name or its caller says.</summary>
public sealed partial class SegmentStore
{
    private string PathOf(SegmentId id) => Path.Combine(
        SegmentsDirectory, string.Create(CultureInfo.InvariantCulture, $"{id.Value & 0xff:x2}"), string.Create(CultureInfo.InvariantCulture, $"{id.Value}.seg"));

    private StoredSegment Make(SegmentHeader header)
    {
        var path = PathOf(header.Segment);
        var shard = Path.GetDirectoryName(path)!;
        if (!Directory.Exists(shard))
        {
            Directory.CreateDirectory(shard);
            Disk.SyncDirectory(SegmentsDirectory);
        }
        var first = SegmentFileHeader.Of(1, header.Segment, header.Object, ReplicaState.Created(header.Epoch));
        using (var handle = File.OpenHandle(path, FileMode.OpenOrCreate, FileAccess.ReadWrite))
        {
            if (RandomAccess.GetLength(handle) > SegmentFileHeader.LogStart)
            {
                throw new IOException($"'{path}' holds frames of a segment that this store does not know");
            }
            RandomAccess.SetLength(handle, 0);
            first.Write(handle);
            RandomAccess.SetLength(handle, SegmentFileHeader.LogStart);
            FlushFile(header.Segment, handle);
        }
        Disk.SyncDirectory(shard);
        return new StoredSegment(first, ReplicaState.Created(header.Epoch), path);
    }

    private void WriteLog(StoredSegment segment, ReadOnlySpan<byte> frames)
    {
        // A failed write leaves bytes behind the length only: the next one overwrites them, and recovery drops them.
        var at = SegmentFileHeader.LogStart + segment.State.Length;
        while (true)
        {
            var handle = _handles.Get(segment.Id.Value, segment.Path);
            try
            {
                RandomAccess.Write(handle, frames, at);
                return;
            }
            catch (ObjectDisposedException) when (handle.IsClosed)
            {
                // Pushed out of the cache in between: opened again.
            }
            catch (IOException)
            {
                // Whole frames among what it left would look, after a crash, as if something before them had rotted.
                RandomAccess.SetLength(handle, at);
                throw;
            }
        }
    }

    /// <summary>
    /// Tells the next start how much was synced. It needs no sync of its own: it reaches the disk with the next one of this file, which
    /// also comes before the other slot is written again.
    /// </summary>
    private void MarkSynced(StoredSegment segment)
    {
        segment.HeaderVersion++;
        var header = SegmentFileHeader.Of(segment.HeaderVersion, segment.Id, segment.Object, segment.State);
        try
        {
            _handles.Use(segment.Id.Value, segment.Path, handle =>
            {
                header.Write(handle);
                return true;
            });
        }
        catch (Exception exception) when (exception is IOException or UnauthorizedAccessException)
        {
            // Without the mark a next start only knows less. That the disk fails is told by whatever needs it.
            LogDiskFailed(_log, exception, segment.Id, _directory);
        }
    }

    /// <summary>
    /// The journal that would heal these frames goes: from now on a bad one among them is rot. For the segment's own thread, which alone writes
    /// headers; nobody waits, because the journal's thread must never wait for one that may wait for the journal.
    /// </summary>
    private void PostMark(StoredSegment segment)
    {
        if (_closed)
        {
            return;
        }
        ThreadOf(segment.Id).Post(
            () =>
            {
                var isThere = _segments.TryGetValue(segment.Id.Value, out var now) && now == segment;
                if (isThere && !segment.State.Sealed && !segment.Broken)
                {
                    MarkSynced(segment);
                }
            },
            _ => { });
    }

    /// <summary>
    /// A sync has failed: what the page cache holds may not be what the disk gets, so that the next start must not trust it, be it in the
    /// same run of the host.
    /// </summary>
    private void DistrustCache()
    {
        lock (_bootGate)
        {
            _isDistrusted = true;
            try
            {
                Disk.Replace(BootFile, Unsynced + "\nrunning");
            }
            catch (Exception exception) when (exception is IOException or UnauthorizedAccessException)
            {
                LogSyncFailed(_log, exception, _directory);
            }
        }
    }

    private void WriteHeader(StoredSegment segment, ReplicaState state)
    {
        segment.HeaderVersion++;
        var header = SegmentFileHeader.Of(segment.HeaderVersion, segment.Id, segment.Object, state);
        Guarded(segment, () => _handles.Use(segment.Id.Value, segment.Path, handle =>
        {
            header.Write(handle);
            if (state.Sealed)
            {
                RandomAccess.SetLength(handle, SegmentFileHeader.LogStart + state.Length);
            }
            FlushFile(segment, handle);
            return true;
        }));
    }

    private void SyncData(StoredSegment segment, long length)
    {
        if (segment.State.SyncedLength < length)
        {
            Guarded(segment, () => Flush(segment));
        }
    }

    private bool Flush(StoredSegment segment) => _handles.Use(segment.Id.Value, segment.Path, handle =>
    {
        FlushFile(segment, handle);
        return true;
    });

    /// <summary>
    /// Linux says once that an fsync failed, to whoever asks first, and drops the pages. So one thread at a time asks for a file, and nobody
    /// asks again: the next would be told that all is well.
    /// </summary>
    private void FlushFile(StoredSegment segment, SafeFileHandle handle)
    {
        lock (segment.Flushing)
        {
            if (segment.Broken)
            {
                throw new FlushFailedException($"A sync of segment {segment.Id} has failed before");
            }
            try
            {
                FlushFile(segment.Id, handle);
            }
            catch (FlushFailedException)
            {
                segment.Broken = true;
                throw;
            }
        }
    }

    private void FlushFile(SegmentId id, SafeFileHandle handle)
    {
        try
        {
            Calls.Flush(id, handle);
        }
        catch (FlushFailedException)
        {
            DistrustCache();
            throw;
        }
    }

    /// <summary>After a failed fsync Linux may have dropped the pages: nothing more is promised for the segment.</summary>
    private void Guarded(StoredSegment segment, Func<bool> call)
    {
        try
        {
            call();
        }
        catch (IOException exception) when (!Disk.IsFull(exception))
        {
            segment.Broken = true;
            DistrustCache();
            throw;
        }
    }

    /// <param name="newest">The end of the log, if it is at hand: it need not be read again.</param>
    private void Wait(StoredSegment segment, long length, TaskCompletionSource<ReplicaAnswer> done, ReadOnlyMemory<byte> newest)
    {
        if (segment.State.SyncedLength >= length)
        {
            done.SetResult(Answer(ReplicaVerdict.Done, segment.State));
            return;
        }
        segment.Waiters.Add((length, done));
        StartSync(segment, newest);
    }

    private void StartSync(StoredSegment segment, ReadOnlyMemory<byte> newest)
    {
        if (segment.Syncing)
        {
            return;
        }
        segment.Syncing = true;
        var target = segment.State.Length;
        var from = segment.State.SyncedLength;
        if (target - from <= Limits.JournaledFrameBytesMax)
        {
            try
            {
                var bytes = newest.Length == target - from ? newest : ReadUnsynced(segment, from, (int)(target - from));
                _journal.Append(segment.Id.Value, from, bytes, failure => Finish(segment, target, failure));
            }
            catch (Exception exception) when (exception is IOException or UnauthorizedAccessException)
            {
                // Also called from a posted action, which has nobody to throw to.
                Fail(segment, exception);
            }
            return;
        }
        _sync[(int)((ulong)segment.Id.Value % SyncThreads)].Post(() =>
        {
            Exception? failure = null;
            try
            {
                Flush(segment);
            }
            catch (Exception exception) when (exception is IOException or UnauthorizedAccessException)
            {
                failure = exception;
            }
            Finish(segment, target, failure, marks: true);
        });
    }

    private byte[] ReadUnsynced(StoredSegment segment, long from, int count)
    {
        var bytes = ReadLog(segment, from, count);
        return bytes.Length == count ? bytes : throw new EndOfStreamException($"'{segment.Path}' ends before its unsynced bytes");
    }

    /// <summary>Called on a sync thread or the journal's; goes on at the segment's own.</summary>
    private void Finish(StoredSegment segment, long target, Exception? failure, bool marks = false)
    {
        if (_closed)
        {
            // The disk threads have ended; the clean end syncs everything by itself.
            var failed = Answer(ReplicaVerdict.Failed, segment.State);
            segment.Waiters.ForEach(waiter => waiter.Done.TrySetResult(failed));
            return;
        }
        ThreadOf(segment.Id).Post(() =>
        {
            if (failure is not null)
            {
                Fail(segment, failure);
                return;
            }
            segment.Syncing = false;
            segment.Become(segment.State.Synced(target));
            if (marks && !segment.State.Sealed)
            {
                MarkSynced(segment);
            }
            var answer = Answer(ReplicaVerdict.Done, segment.State);
            foreach (var (_, done) in segment.Waiters.Where(waiter => waiter.Length <= target))
            {
                done.SetResult(answer);
            }
            segment.Waiters.RemoveAll(waiter => waiter.Length <= target);
            if (segment.Waiters.Count > 0)
            {
                StartSync(segment, default);
            }
        });
    }

    /// <summary>A sync is over and did not succeed. On the segment's thread.</summary>
    private void Fail(StoredSegment segment, Exception failure)
    {
        LogDiskFailed(_log, failure, segment.Id, _directory);
        segment.Syncing = false;
        // A journal without room has lost nothing: the segment's own file still has the bytes, and a later sync may succeed.
        var isFull = failure is IOException exception && Disk.IsFull(exception);
        if (!isFull && !segment.Broken)
        {
            segment.Broken = true;
            DistrustCache();
        }
        var answer = Answer(isFull ? ReplicaVerdict.NoSpace : ReplicaVerdict.Failed, segment.State);
        segment.Waiters.ForEach(waiter => waiter.Done.SetResult(answer));
        segment.Waiters.Clear();
    }

    /// <summary>Brings files to disk whose ends only the journal has; a deleted one needs nothing.</summary>
    /// <returns>False when the sync of one failed, now or before: the journal is all that is left of it.</returns>
    private bool SyncFiles(IReadOnlyCollection<long> ids)
    {
        var isSynced = true;
        foreach (var id in ids)
        {
            if (_segments.TryGetValue(id, out var segment) && File.Exists(segment.Path))
            {
                BeforeSync?.Invoke(segment.Id);
                isSynced &= TrySync(segment);
            }
        }
        return isSynced;
    }

    private bool TrySync(StoredSegment segment)
    {
        try
        {
            Flush(segment);
            PostMark(segment);
            return true;
        }
        catch (FileNotFoundException) when (!_segments.ContainsKey(segment.Id.Value))
        {
            // Deleted by its disk thread in between.
            return true;
        }
        catch (FlushFailedException exception)
        {
            LogDiskFailed(_log, exception, segment.Id, _directory);
            return false;
        }
    }

    private byte[] ReadLog(StoredSegment segment, long offset, int count)
    {
        Calls.Reading?.Invoke(segment.Id);
        var bytes = GC.AllocateUninitializedArray<byte>(count);
        var read = _handles.Use(segment.Id.Value, segment.Path, handle => Disk.Read(handle, bytes, SegmentFileHeader.LogStart + offset));
        Array.Resize(ref bytes, read);
        return bytes;
    }
}
