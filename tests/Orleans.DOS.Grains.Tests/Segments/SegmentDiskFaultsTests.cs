using Microsoft.Extensions.Logging.Abstractions;
using Orleans.DOS.Nodes;
using Orleans.DOS.Segments;

namespace Orleans.DOS.Grains.Tests.Segments;

/// <summary>Disks that are full, fsyncs that fail, files that go away: what fails, and what goes on.</summary>
public sealed class SegmentDiskFaultsTests : IDisposable
{
    private const int FrameBytes = FrameCodec.HeaderBytes + 8;
    private const int NoSpaceErrno = 28;
    private static readonly TimeSpan Patience = TimeSpan.FromSeconds(20);
    private static readonly SegmentId Segment = new(77);
    private static readonly SegmentId Other = new(78);
    private readonly string _directory = Directory.CreateTempSubdirectory("dos-faults-").FullName;
    private readonly SegmentStore _store;

    public SegmentDiskFaultsTests() => _store = Open(_directory, "a");

    public void Dispose()
    {
        _store.Dispose();
        Directory.Delete(_directory, recursive: true);
    }

    /// <summary>The last room of a disk is not for data: what seals, and what removes, still finds some.</summary>
    [Fact]
    public async Task NearlyFullDisk_RefusesData_AndSealsWhatItHas()
    {
        var free = 100L * 1024 * 1024;
        _store.Room = new DiskRoom(() => new DiskSpace(1L << 30, free));
        await _store.CreateAsync(new SegmentHeader { Segment = Segment, Object = new ObjectId(ObjectKind.File, 1), Epoch = 1, Disk = _store.Id });
        Assert.Equal(ReplicaOutcome.Done, (await AppendAsync(Segment, 0)).Outcome);
        free = DiskRoom.ReserveOf(1L << 30);
        _store.Room = new DiskRoom(() => new DiskSpace(1L << 30, free));
        var refused = await AppendAsync(Segment, 1);
        Assert.Equal(ReplicaOutcome.NoSpace, refused.Outcome);
        Assert.Equal(ReplicaOutcome.NoSpace, (await _store.CreateAsync(new SegmentHeader { Segment = new SegmentId(99), Object = new ObjectId(ObjectKind.File, 1), Epoch = 1, Disk = _store.Id })).Outcome);
        free += 1 << 20;
        Assert.Equal(ReplicaOutcome.Done, (await AppendAsync(Segment, 1)).Outcome);
        free -= 1 << 20;
        var length = (await _store.StatAsync(Segment)).Length;
        Assert.Equal((ReplicaOutcome.Done, true), await _store.SealAsync(Segment, 1, length) is var sealing ? (sealing.Outcome, sealing.Sealed) : default);
        Assert.Equal(length, (await _store.ReadAsync(Segment, 0, 1 << 20)).Frames.Length);
    }

    [Fact]
    public async Task JournalWithoutRoom_IsToldAsNoSpace_AndGoesOnWhenThereIsRoom()
    {
        await CreateAsync(Segment);
        await CreateAsync(Other);
        await AppendAsync(Segment, 0);
        var write = _store.Journal.WriteAt;
        _store.Journal.WriteAt = (handle, bytes, offset) =>
        {
            write(handle, bytes[..(bytes.Length / 2)], offset);
            throw new IOException("the disk is full", NoSpaceErrno);
        };
        Assert.Equal(ReplicaOutcome.NoSpace, (await AppendAsync(Segment, 1)).Outcome);
        Assert.Equal(ReplicaOutcome.NoSpace, (await AppendAsync(Other, 0)).Outcome);

        _store.Journal.WriteAt = write;
        Assert.Equal((ReplicaOutcome.Done, 2L * FrameBytes), Synced(await AppendAsync(Segment, 1)));
        Assert.Equal((ReplicaOutcome.Done, 1L * FrameBytes), Synced(await AppendAsync(Other, 0)));
        var recovered = await RecoveredFramesAsync();
        Assert.Equal([2, 1], recovered);
    }

    [Fact]
    public async Task JournalWhoseFsyncFailed_IsNotTriedAgain()
    {
        await CreateAsync(Segment);
        await CreateAsync(Other);
        var flush = _store.Journal.Flush;
        _store.Journal.Flush = _ => throw new FlushFailedException("pages were dropped");
        Assert.Equal(ReplicaOutcome.Failed, (await AppendAsync(Segment, 0)).Outcome);
        _store.Journal.Flush = flush;
        Assert.Equal(ReplicaOutcome.Failed, (await AppendAsync(Other, 0)).Outcome);
    }

    [Fact]
    public async Task JournalWhoseNextFileCannotBeMade_KeepsItsOwn_AndTriesAgain()
    {
        await CreateAsync(Segment);
        await CreateAsync(Other);
        await AppendAsync(Segment, 0);
        var obstacle = Directory.CreateDirectory(Path.Combine(_directory, "journal-2"));
        _store.Journal.FileBytes = 1;
        Assert.Equal(ReplicaOutcome.Failed, (await AppendAsync(Segment, 1)).Outcome);
        Assert.True(File.Exists(Path.Combine(_directory, "journal-1")));

        obstacle.Delete();
        Assert.Equal((ReplicaOutcome.Done, 1L * FrameBytes), Synced(await AppendAsync(Other, 0)));
        // What only the first one has of the segment whose sync failed is left for the next start.
        Assert.Equal(["journal-1", "journal-2"], Directory.GetFiles(_directory, "journal-*").Select(Path.GetFileName).Order());
    }

    [Fact]
    public async Task SegmentDeletedWhileItsFileIsSynced_FailsNobody()
    {
        await CreateAsync(Segment);
        await CreateAsync(Other);
        await AppendAsync(Segment, 0);
        var deleted = 0;
        _store.BeforeSync = id =>
        {
            _store.DeleteAsync(id).Wait(Patience);
            deleted++;
        };
        _store.Journal.FileBytes = 1;
        Assert.Equal((ReplicaOutcome.Done, 1L * FrameBytes), Synced(await AppendAsync(Other, 0)));
        Assert.Equal(1, deleted);
        Assert.Equal([Other.Value], _store.Segments);
        _store.BeforeSync = null;
    }

    [Fact]
    public async Task SyncThatCannotReadItsFile_Fails_AndSoDoThoseAfterIt()
    {
        await CreateAsync(Segment);
        await _store.AppendAsync(Segment, 1, 0, Frame(Segment, 0), sync: false);
        TakeAwayFile();
        for (var attempt = 0; attempt < 2; attempt++)
        {
            Assert.Equal(ReplicaOutcome.Failed, (await _store.SyncAsync(Segment, 1, FrameBytes).WaitAsync(Patience)).Outcome);
        }
    }

    [Fact]
    public async Task SyncThatCannotReadItsFile_AfterAnother_FailsAlone()
    {
        await CreateAsync(Segment);
        await CreateAsync(Other);
        using var isWriting = new ManualResetEventSlim();
        using var goOn = new ManualResetEventSlim();
        var write = _store.Journal.WriteAt;
        _store.Journal.WriteAt = (handle, bytes, offset) =>
        {
            isWriting.Set();
            goOn.Wait(Patience);
            write(handle, bytes, offset);
        };
        var first = AppendAsync(Segment, 0);
        Assert.True(await Task.Run(() => isWriting.Wait(Patience)));
        await _store.AppendAsync(Segment, 1, FrameBytes, Frame(Segment, 1), sync: false);
        var second = _store.SyncAsync(Segment, 1, 2 * FrameBytes);
        // Behind it on the same disk thread: it waits for the first sync now.
        await _store.StatAsync(Segment);
        TakeAwayFile();
        goOn.Set();
        await first.WaitAsync(Patience);
        Assert.Equal(ReplicaOutcome.Failed, (await second.WaitAsync(Patience)).Outcome);
        Assert.Equal((ReplicaOutcome.Done, 1L * FrameBytes), Synced(await AppendAsync(Other, 0)));
    }

    private static (ReplicaOutcome, long) Synced(ReplicaAnswer answer) => (answer.Outcome, answer.SyncedLength);

    private void TakeAwayFile()
    {
        File.Delete(Directory.GetFiles(_directory, $"{Segment.Value}.seg", SearchOption.AllDirectories).Single());
        _store.Handles.Close(Segment.Value);
    }

    /// <summary>Frames of the two segments after a power loss that left their files empty, so that only the journal has them.</summary>
    private async Task<int[]> RecoveredFramesAsync()
    {
        var left = Directory.CreateTempSubdirectory("dos-faults-").FullName;
        try
        {
            foreach (var path in Directory.GetFiles(_directory, "*", SearchOption.AllDirectories))
            {
                var target = Path.Combine(left, Path.GetRelativePath(_directory, path));
                Directory.CreateDirectory(Path.GetDirectoryName(target)!);
                File.Copy(path, target);
                if (target.EndsWith(".seg", StringComparison.Ordinal))
                {
                    using var file = File.OpenWrite(target);
                    file.SetLength(4096);
                }
            }
            using var again = Open(left, "b");
            return [(int)(await again.StatAsync(Segment)).Length / FrameBytes, (int)(await again.StatAsync(Other)).Length / FrameBytes];
        }
        finally
        {
            Directory.Delete(left, recursive: true);
        }
    }

    private static SegmentStore Open(string directory, string boot) => new(directory, boot, NullLogger<SegmentStore>.Instance);

    private Task<ReplicaAnswer> CreateAsync(SegmentId segment) =>
        _store.CreateAsync(new SegmentHeader { Segment = segment, Object = new ObjectId(ObjectKind.File, 5), Epoch = 1, Disk = _store.Id });

    private Task<ReplicaAnswer> AppendAsync(SegmentId segment, int number) =>
        _store.AppendAsync(segment, 1, number * FrameBytes, Frame(segment, number), sync: true).WaitAsync(Patience);

    private static byte[] Frame(SegmentId segment, int number) => FrameCodec.Encode(
        new FrameHeader
        {
            PayloadLength = 8, Kind = 1, Object = new ObjectId(ObjectKind.File, 5), Epoch = 1, Position = number, WriteNumber = number,
            ResultingSize = number + 1, Time = 1, Request = default, RequestHash = 0, Segment = segment,
        },
        SegmentRig.Payload(number, 8));
}
