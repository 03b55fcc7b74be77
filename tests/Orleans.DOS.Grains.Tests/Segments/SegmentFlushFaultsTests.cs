using System.IO.Pipes;
using Microsoft.Extensions.Logging.Abstractions;
using Microsoft.Win32.SafeHandles;
using Orleans.DOS.Segments;

namespace Orleans.DOS.Grains.Tests.Segments;

/// <summary>Linux says once that an fsync failed, and drops the pages: whoever asks again is told that all is well.</summary>
public sealed class SegmentFlushFaultsTests : IDisposable
{
    private const int LogStart = 4096, NoSpaceErrno = 28;
    /// <summary>Too large for the journal: its sync is one of the segment's own file.</summary>
    private const int BulkPayload = Limits.JournaledFrameBytesMax + 1;
    private const int SmallPayload = 8, Small = FrameCodec.HeaderBytes + SmallPayload;
    private static readonly TimeSpan Patience = TimeSpan.FromSeconds(20);
    private static readonly SegmentId Segment = new(77);
    private static readonly SegmentId Other = new(78);
    private readonly string _directory = Directory.CreateTempSubdirectory("dos-flush-").FullName;
    private readonly SegmentStore _store;

    public SegmentFlushFaultsTests() => _store = Open(_directory, "a", new FileCalls());

    public void Dispose()
    {
        _store.Dispose();
        Directory.Delete(_directory, recursive: true);
    }

    [Fact]
    public void Flush_OfWhatCannotBeSynced_Throws()
    {
        Assert.SkipUnless(OperatingSystem.IsLinux(), "fsync of a pipe is an error on Linux");
        using var pipe = new AnonymousPipeServerStream();
        using var handle = new SafeFileHandle(pipe.SafePipeHandle.DangerousGetHandle(), ownsHandle: false);
        Assert.Throws<FlushFailedException>(() => Disk.Flush(handle));
    }

    [Fact]
    public async Task Journal_ThatHoldsFramesOfABrokenSegment_OutlivesItsRotation()
    {
        await CreateAsync(Segment);
        await CreateAsync(Other);
        await AppendAsync(Segment, 0, 0, SmallPayload, sync: true);
        await AppendAsync(Segment, 1, Small, BulkPayload, sync: false);
        FailOnce(Segment);
        Assert.Equal(ReplicaOutcome.Failed, (await SyncAsync(Segment, Small)).Outcome);

        _store.Journal.FileBytes = 1;
        Assert.Equal(ReplicaOutcome.Done, (await AppendAsync(Other, 0, 0, SmallPayload, sync: true)).Outcome);
        Assert.True(File.Exists(Path.Combine(_directory, "journal-1")));
    }

    [Fact]
    public async Task SegmentWhoseFsyncFailedWhenTheJournalRotated_SaysFailed_AndItsJournalStays()
    {
        await CreateAsync(Segment);
        await CreateAsync(Other);
        await AppendAsync(Segment, 0, 0, SmallPayload, sync: true);
        FailOnce(Segment);
        _store.Journal.FileBytes = 1;
        Assert.Equal(ReplicaOutcome.Done, (await AppendAsync(Other, 0, 0, SmallPayload, sync: true)).Outcome);
        _store.Journal.FileBytes = SegmentJournal.FileBytesMax;

        Assert.Equal(ReplicaOutcome.Failed, (await AppendAsync(Segment, 1, Small, BulkPayload, sync: true)).Outcome);
        Assert.True(File.Exists(Path.Combine(_directory, "journal-1")));
        Assert.StartsWith("unsynced", await File.ReadAllTextAsync(Path.Combine(_directory, "boot"), TestContext.Current.CancellationToken), StringComparison.Ordinal);
    }

    [Fact]
    public async Task SealWhoseFsyncFoundNoRoom_IsNeverDone()
    {
        await CreateAsync(Segment);
        await AppendAsync(Segment, 0, 0, BulkPayload, sync: false);
        FailOnce(Segment, NoSpaceErrno);
        for (var attempt = 0; attempt < 2; attempt++)
        {
            Assert.Equal(ReplicaOutcome.Failed, (await _store.SealAsync(Segment, 1, null).WaitAsync(Patience)).Outcome);
        }
    }

    [Fact]
    public async Task StartAfterAFailedFsync_InTheSameRunOfTheHost_WritesAgainWhatItFinds_AndIsDamaged()
    {
        await CreateAsync(Segment);
        await CreateAsync(Other);
        Assert.Equal(ReplicaOutcome.Done, (await _store.SealAsync(Other, 3, null).WaitAsync(Patience)).Outcome);
        await AppendAsync(Segment, 0, 0, BulkPayload, sync: false);
        FailOnce(Segment);
        Assert.Equal(ReplicaOutcome.Failed, (await SyncAsync(Segment, 1)).Outcome);

        var (rewritten, flushed) = (0L, new HashSet<SegmentId>());
        var calls = new FileCalls();
        var (flush, rewrite) = (calls.Flush, calls.Rewrite);
        calls.Rewrite = (id, handle, bytes, offset) =>
        {
            Assert.Equal(LogStart + rewritten, offset);
            rewritten += id == Segment ? bytes.Length : 0;
            rewrite(id, handle, bytes, offset);
        };
        calls.Flush = (id, handle) =>
        {
            Assert.True(id != Segment || rewritten > 0);
            flushed.Add(id);
            flush(id, handle);
        };
        await CrashedAsync("a", calls, _ => { }, async store =>
        {
            var state = await store.StatAsync(Segment);
            Assert.Equal((rewritten, true), (state.Length, state.Damaged));
            Assert.Equal(FrameCodec.HeaderBytes + BulkPayload, rewritten);
            // The header, with the seal in it, may not be on the disk either.
            Assert.Equal([Segment, Other], flushed.OrderBy(id => id.Value));
            Assert.Equal((true, 3L), await store.StatAsync(Other) is var other ? (other.Sealed, other.Epoch) : default);
        });
    }

    [Fact]
    public async Task FrameThatRots_WhenItsJournalIsGone_IsNotTakenForATornTail()
    {
        await CreateAsync(Segment);
        await CreateAsync(Other);
        await AppendAsync(Segment, 0, 0, SmallPayload, sync: true);
        await AppendAsync(Segment, 1, Small, SmallPayload, sync: true);
        _store.Journal.FileBytes = 1;
        await AppendAsync(Other, 0, 0, SmallPayload, sync: true);
        // Behind whatever the rotation left to do at the segment's own thread.
        await _store.StatAsync(Segment);
        await CrashedAsync("b", new FileCalls(), directory =>
        {
            using var file = File.Open(Directory.GetFiles(directory, $"{Segment.Value}.seg", SearchOption.AllDirectories).Single(), FileMode.Open);
            file.Position = LogStart + Small + 50;
            file.WriteByte(0xee);
        }, async store =>
        {
            var state = await store.StatAsync(Segment);
            Assert.Equal((true, 2L * Small), (state.Rotten, state.Length));
        });
    }

    private void FailOnce(SegmentId segment, int errno = 5)
    {
        var flush = _store.Calls.Flush;
        _store.Calls.Flush = (id, handle) =>
        {
            if (id == segment)
            {
                _store.Calls.Flush = flush;
                throw new FlushFailedException(new IOException("pages were dropped", errno));
            }
            flush(id, handle);
        };
    }

    /// <summary>The process dies, and its directory is opened again.</summary>
    private async Task CrashedAsync(string boot, FileCalls calls, Action<string> damage, Func<SegmentStore, Task> look)
    {
        var left = Directory.CreateTempSubdirectory("dos-flush-").FullName;
        try
        {
            foreach (var path in Directory.GetFiles(_directory, "*", SearchOption.AllDirectories))
            {
                var target = Path.Combine(left, Path.GetRelativePath(_directory, path));
                Directory.CreateDirectory(Path.GetDirectoryName(target)!);
                File.Copy(path, target);
            }
            damage(left);
            using var again = Open(left, boot, calls);
            await look(again);
        }
        finally
        {
            Directory.Delete(left, recursive: true);
        }
    }

    private static SegmentStore Open(string directory, string boot, FileCalls calls) => new(directory, boot, NullLogger<SegmentStore>.Instance, calls);

    private Task<ReplicaAnswer> CreateAsync(SegmentId segment) =>
        _store.CreateAsync(new SegmentHeader { Segment = segment, Object = new ObjectId(ObjectKind.File, 5), Epoch = 1, Disk = _store.Id });

    private Task<ReplicaAnswer> SyncAsync(SegmentId segment, long length) => _store.SyncAsync(segment, 1, length + BulkPayload).WaitAsync(Patience);

    private Task<ReplicaAnswer> AppendAsync(SegmentId segment, int number, long offset, int payload, bool sync) =>
        _store.AppendAsync(segment, 1, offset, Frame(segment, number, payload), sync).WaitAsync(Patience);

    private static byte[] Frame(SegmentId segment, int number, int payload) => FrameCodec.Encode(
        new FrameHeader
        {
            PayloadLength = payload, Kind = 1, Object = new ObjectId(ObjectKind.File, 5), Epoch = 1, Position = number, WriteNumber = number,
            ResultingSize = number + 1, Time = 1, Request = default, RequestHash = 0, Segment = segment,
        },
        SegmentRig.Payload(number, payload));
}
