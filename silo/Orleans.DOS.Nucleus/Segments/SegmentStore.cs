using System.Collections.Concurrent;
using System.Globalization;
using Microsoft.Extensions.Logging;
using Microsoft.Win32.SafeHandles;
using Orleans.DOS.Nodes;

namespace Orleans.DOS.Segments;

/// <summary>
/// The replicas on one disk directory: <c>disk.id</c>, <c>boot</c>, <c>journal-N</c>, <c>segments/xx/ID.seg</c>.
/// <para>
/// Each segment belongs to one disk thread, which decides with <see cref="ReplicaState"/> and writes, so that appends keep their
/// order without locks. Syncs run beside it: a gap of at most <see cref="Limits.JournaledFrameBytesMax"/> goes through the journal
/// that all segments share, a larger one is an fsync of the segment's file; whoever asks meanwhile shares the next one.
/// </para>
/// </summary>
public sealed partial class SegmentStore : IDisposable
{
    private const int DiskThreads = 4;
    private const int SyncThreads = 2;
    private const int ReadThreads = 2;
    private const int HandlesMax = 512;

    private readonly string _directory;
    private readonly string _boot;
    private readonly ILogger _log;
    private readonly ConcurrentDictionary<long, StoredSegment> _segments = new();
    private readonly HandleCache _handles = new(HandlesMax);
    private readonly DiskThread[] _disk = [.. Enumerable.Range(0, DiskThreads).Select(i => new DiskThread($"dos-disk-{i}"))];
    private readonly DiskThread[] _sync = [.. Enumerable.Range(0, SyncThreads).Select(i => new DiskThread($"dos-sync-{i}"))];
    private readonly DiskThread[] _read = [.. Enumerable.Range(0, ReadThreads).Select(i => new DiskThread($"dos-read-{i}"))];
    private readonly SegmentJournal _journal;
    private readonly Lock _bootGate = new();
    private bool _closed;
    private volatile bool _isDistrusted;

    /// <param name="directory">Made if missing. Nobody else may use it at the same time.</param>
    /// <param name="boot">Names one run of the host (Linux: /proc/sys/kernel/random/boot_id): while it stays the same, what was written to the page cache is still there although the process died.</param>
    public SegmentStore(string directory, string boot, ILogger<SegmentStore> log)
        : this(directory, boot, log, new FileCalls())
    {
    }

    internal SegmentStore(string directory, string boot, ILogger<SegmentStore> log, FileCalls calls)
    {
        Calls = calls;
        _directory = Path.GetFullPath(directory);
        Room = new DiskRoom(() => Disk.Space(_directory));
        _boot = boot;
        _log = log;
        Directory.CreateDirectory(SegmentsDirectory);
        Id = ReadOrMakeId();
        var (cacheSurvived, isDistrusted) = (CacheSurvived(), IsCacheDistrusted());
        // The new mark is written when recovery is complete, so that a crash during recovery does not forget the power loss.
        Load();
        var journal = SegmentJournal.Replay(_directory, Replay);
        foreach (var segment in _segments.Values)
        {
            Recover(segment, cacheSurvived, isDistrusted);
        }
        SegmentJournal.DeleteAll(_directory);
        Disk.Replace(BootFile, _boot + "\nrunning");
        _journal = new SegmentJournal(_directory, journal + 1, SyncFiles);
    }

    /// <summary>The disk's name for life, from its own file.</summary>
    public DiskId Id { get; }

    /// <summary>Segments on this disk.</summary>
    public IReadOnlyCollection<long> Segments => [.. _segments.Keys];

    /// <summary>Tests put faults here.</summary>
    internal SegmentJournal Journal => _journal;

    /// <summary>Tests put faults here.</summary>
    internal FileCalls Calls { get; }

    /// <summary>Tests make it small.</summary>
    internal DiskRoom Room { get; set; }

    /// <summary>Tests push files out of it.</summary>
    internal HandleCache Handles => _handles;

    /// <summary>Tests: called between the look for a segment and the sync of its file.</summary>
    internal Action<SegmentId>? BeforeSync { get; set; }

    private string SegmentsDirectory => Path.Combine(_directory, "segments");
    private string BootFile => Path.Combine(_directory, "boot");

    /// <summary>Makes an empty replica; file and directories are on disk when it completes.</summary>
    public Task<ReplicaAnswer> CreateAsync(SegmentHeader header) => OnDisk(header.Segment, () =>
    {
        if (_segments.TryGetValue(header.Segment.Value, out var existing))
        {
            var decision = existing.State.Create(header.Epoch);
            if (decision.PersistHeader)
            {
                WriteHeader(existing, decision.Next);
            }
            existing.Become(decision.Next);
            return Answer(decision.Verdict, existing.State);
        }
        TakeRoom(SegmentFileHeader.LogStart);
        var made = Make(header);
        _segments[header.Segment.Value] = made;
        return Answer(ReplicaVerdict.Done, made.State);
    });

    /// <summary>Takes whole frames, which nobody changes any more. With <paramref name="sync"/> it completes when they are on disk.</summary>
    public Task<ReplicaAnswer> AppendAsync(SegmentId id, long epoch, long offset, ReadOnlyMemory<byte> frames, bool sync)
    {
        if (!sync)
        {
            return OnDisk(id, () => Find(id, segment => Write(segment, segment.State.Append(epoch, offset, frames.Length), frames.Span)));
        }
        return OnDiskUntil(id, (segment, done) =>
        {
            var answer = Write(segment, segment.State.Append(epoch, offset, frames.Length), frames.Span);
            if (answer.Outcome == ReplicaOutcome.Done)
            {
                Wait(segment, offset + frames.Length, done, frames);
            }
            else
            {
                done.SetResult(answer);
            }
        });
    }

    /// <summary>Completes when the replica has received <paramref name="length"/> bytes, takes no more, or the patience ends: ask again then.</summary>
    public async Task ReachedAsync(SegmentId id, long length, CancellationToken patience)
    {
        var done = new TaskCompletionSource(TaskCreationOptions.RunContinuationsAsynchronously);
        await using var end = patience.Register(() => done.TrySetResult());
        var answer = await OnDisk(id, () => Find(id, segment =>
        {
            segment.Overtakers.Add((length, done));
            segment.Become(segment.State);
            return Answer(ReplicaVerdict.Done, segment.State);
        }));
        if (answer.Outcome == ReplicaOutcome.Done)
        {
            await done.Task;
        }
    }

    /// <summary>Completes when everything up to <paramref name="length"/> is on disk.</summary>
    public Task<ReplicaAnswer> SyncAsync(SegmentId id, long epoch, long length) => OnDiskUntil(id, (segment, done) =>
    {
        var decision = segment.State.Sync(epoch, length);
        Apply(segment, decision);
        if (decision.Verdict == ReplicaVerdict.Done)
        {
            Wait(segment, length, done, default);
        }
        else
        {
            done.SetResult(Answer(decision.Verdict, segment.State));
        }
    });

    /// <summary>Refuses every later append; data, seal and epoch are on disk when it completes.</summary>
    public Task<ReplicaAnswer> SealAsync(SegmentId id, long epoch, long? length) => OnDisk(id, () => !_segments.ContainsKey(id.Value) ? Bar(id, epoch) : Find(id, segment =>
    {
        var decision = segment.State.Seal(epoch, length);
        if (decision.PersistHeader)
        {
            SyncData(segment, decision.Next.Length);
            WriteHeader(segment, decision.Next);
        }
        segment.Become(decision.Next);
        return Answer(decision.Verdict, segment.State);
    }));

    public Task<ReplicaAnswer> StatAsync(SegmentId id) => OnDisk(id, () => Find(id, segment => Answer(ReplicaVerdict.Done, segment.State)));

    /// <summary>Frames from another replica, at this one's length; sealed or not (only <see cref="FinishCopyAsync"/> makes them count).</summary>
    public Task<ReplicaAnswer> CopyAsync(SegmentId id, long epoch, long offset, ReadOnlyMemory<byte> frames) => OnDisk(id, () => Find(id, segment =>
        Write(segment, segment.State.Copy(epoch, offset, frames.Length), frames.Span)));

    public Task<ReplicaAnswer> FinishCopyAsync(SegmentId id, bool seal) => OnDisk(id, () => Find(id, segment =>
    {
        var next = segment.State.Copied(seal);
        SyncData(segment, next.Length);
        WriteHeader(segment, next);
        segment.Become(next);
        return Answer(ReplicaVerdict.Done, segment.State);
    }));

    public Task DeleteAsync(SegmentId id) => OnDisk(id, () =>
    {
        if (_segments.TryRemove(id.Value, out var segment))
        {
            try
            {
                _handles.Delete(id.Value, segment.Path);
            }
            catch (Exception exception) when (exception is IOException or UnauthorizedAccessException)
            {
                // It is still there: whoever asks next must find it, and not be told that it was never made.
                _segments[id.Value] = segment;
                throw;
            }
            Disk.SyncDirectory(Path.GetDirectoryName(segment.Path)!);
        }
        return Missing();
    });

    /// <summary>A clean end: everything is on disk, so that the next start trusts it whatever happens to the host.</summary>
    public void Dispose()
    {
        if (_closed)
        {
            return;
        }
        _closed = true;
        Array.ForEach(_disk, thread => thread.Dispose());
        Array.ForEach(_sync, thread => thread.Dispose());
        Array.ForEach(_read, thread => thread.Dispose());
        _journal.Dispose();
        var clean = TrySyncAll();
        _handles.Dispose();
        if (clean && !_isDistrusted)
        {
            Disk.Replace(BootFile, _boot + "\nclean");
        }
    }

    private bool TrySyncAll()
    {
        try
        {
            return SyncFiles([.. _segments.Values.Where(segment => segment.State.SyncedLength < segment.State.Length).Select(segment => segment.Id.Value)])
                && _segments.Values.All(segment => !segment.Broken);
        }
        catch (IOException exception)
        {
            LogSyncFailed(_log, exception, _directory);
            return false;
        }
    }

    /// <summary>A late create of an older owner must not bring a segment to life that a takeover was told is missing (found by the simulation).</summary>
    private ReplicaAnswer Bar(SegmentId id, long epoch)
    {
        var made = Make(new SegmentHeader { Segment = id, Object = default, Epoch = epoch, Disk = Id });
        var sealedEmpty = made.State with { Sealed = true, Damaged = true };
        WriteHeader(made, sealedEmpty);
        made.Become(sealedEmpty);
        _segments[id.Value] = made;
        return Missing();
    }

    private ReplicaAnswer Find(SegmentId id, Func<StoredSegment, ReplicaAnswer> then) =>
        !_segments.TryGetValue(id.Value, out var segment) ? Missing()
        : segment.Broken ? Answer(ReplicaVerdict.Failed, segment.State with { Damaged = true })
        : then(segment);

    private Task<ReplicaAnswer> OnDisk(SegmentId id, Func<ReplicaAnswer> work) => ThreadOf(id).RunAsync(() => Try(id, work));

    /// <summary>Completes when the work, or what it has begun, has set the answer.</summary>
    private Task<ReplicaAnswer> OnDiskUntil(SegmentId id, Action<StoredSegment, TaskCompletionSource<ReplicaAnswer>> work)
    {
        var done = new TaskCompletionSource<ReplicaAnswer>(TaskCreationOptions.RunContinuationsAsynchronously);
        ThreadOf(id).Post(
            () =>
            {
                var isBegun = false;
                var refusal = Try(id, () => Find(id, segment =>
                {
                    work(segment, done);
                    isBegun = true;
                    return Answer(ReplicaVerdict.Done, segment.State);
                }));
                if (!isBegun)
                {
                    done.TrySetResult(refusal);
                }
            },
            failure => done.TrySetException(failure));
        return done.Task;
    }

    private ReplicaAnswer Try(SegmentId id, Func<ReplicaAnswer> work)
    {
        try
        {
            return work();
        }
        catch (IOException exception)
        {
            LogDiskFailed(_log, exception, id, _directory);
            return _segments.TryGetValue(id.Value, out var segment)
                ? Answer(Disk.IsFull(exception) ? ReplicaVerdict.NoSpace : ReplicaVerdict.Failed, segment.State)
                : new ReplicaAnswer { Outcome = Disk.IsFull(exception) ? ReplicaOutcome.NoSpace : ReplicaOutcome.Failed };
        }
    }

    private DiskThread ThreadOf(SegmentId id) => _disk[(int)((ulong)id.Value % DiskThreads)];

    private ReplicaAnswer Write(StoredSegment segment, ReplicaDecision decision, ReadOnlySpan<byte> frames)
    {
        if (decision.WriteBytes)
        {
            if (FrameCodec.ValidPrefix(frames, segment.Id) != frames.Length)
            {
                return Answer(ReplicaVerdict.Failed, segment.State);
            }
            // Once in the journal, and once in the segment's file.
            TakeRoom(2L * frames.Length);
            WriteLog(segment, frames);
        }
        Apply(segment, decision);
        return Answer(decision.Verdict, segment.State);
    }

    /// <exception cref="IOException">As of a full disk: what is left is for seals, journals, and for whoever clears up.</exception>
    private void TakeRoom(long bytes)
    {
        if (!Room.TryTake(bytes))
        {
            throw Disk.Full(_directory);
        }
    }

    private void Apply(StoredSegment segment, ReplicaDecision decision)
    {
        if (decision.PersistHeader)
        {
            WriteHeader(segment, decision.Next);
        }
        segment.Become(decision.Next);
    }

    private static ReplicaAnswer Missing() => new() { Outcome = ReplicaOutcome.NoSuchSegment, Damaged = true };

    private static ReplicaAnswer Answer(ReplicaVerdict verdict, ReplicaState state) => new()
    {
        Outcome = (ReplicaOutcome)verdict,
        Length = state.Length,
        SyncedLength = state.SyncedLength,
        Sealed = state.Sealed,
        Epoch = state.Epoch,
        Damaged = state.Damaged,
        Rotten = state.Rotten,
    };
}
