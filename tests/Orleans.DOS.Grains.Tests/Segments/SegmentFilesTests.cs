using Microsoft.Extensions.Logging.Abstractions;
using Orleans.DOS.Segments;

namespace Orleans.DOS.Grains.Tests.Segments;

/// <summary>A segment's file that is not what its name says: without a header, or deleted and still open.</summary>
public sealed class SegmentFilesTests : IDisposable
{
    private const int LogStart = 4096;
    private static readonly SegmentId Segment = new(77);
    private readonly string _directory = Directory.CreateTempSubdirectory("dos-files-").FullName;

    public void Dispose() => Directory.Delete(_directory, recursive: true);

    [Fact]
    public async Task FileWhoseHeaderRotted_IsRotten_AndKeepsItsFrames()
    {
        using (var store = Open())
        {
            await CreateAsync(store);
            await store.AppendAsync(Segment, 1, 0, Frame, sync: true);
        }
        // The journal would not heal it; without one the frames are nowhere else.
        Array.ForEach(Directory.GetFiles(_directory, "journal-*"), File.Delete);
        using (var file = File.OpenWrite(FileOf()))
        {
            file.Write(new byte[LogStart]);
        }
        foreach (var epoch in new[] { 7, 8 })
        {
            using var again = Open();
            var answer = await again.SealAsync(Segment, epoch, null);
            Assert.Equal((true, true, (long)Frame.Length), (answer.Rotten, answer.Damaged, answer.Length));
            var decision = Takeover.Decide([new SealAnswer((ReplicaVerdict)answer.Outcome, answer.Length, answer.Damaged, answer.Rotten)]);
            Assert.Equal(TakeoverOutcome.Unavailable, decision.Outcome);
            Assert.Equal(Frame, (await again.ReadAsync(Segment, 0, 1 << 20)).Frames);
        }
    }

    [Fact]
    public async Task FileWithFramesThatTheStoreDoesNotKnow_IsNotMadeAnew()
    {
        using var store = Open();
        var shard = Directory.CreateDirectory(Path.Combine(_directory, "segments", "4d"));
        var path = Path.Combine(shard.FullName, "77.seg");
        await File.WriteAllBytesAsync(path, new byte[LogStart + 100], TestContext.Current.CancellationToken);
        Assert.Equal(ReplicaOutcome.Failed, (await CreateAsync(store)).Outcome);
        Assert.Equal(ReplicaOutcome.Failed, (await store.SealAsync(Segment, 3, null)).Outcome);
        Assert.Equal(LogStart + 100, new FileInfo(path).Length);
    }

    [Fact]
    public async Task FileMadeAnew_WhileAReaderOpenedTheDeletedOne_GetsWhatIsWritten()
    {
        using (var store = Open())
        {
            await CreateAsync(store);
            await store.AppendAsync(Segment, 1, 0, Frame, sync: true);
            store.Handles.Deleting = () => store.Handles.Get(Segment.Value, FileOf());
            await store.DeleteAsync(Segment);
            await CreateAsync(store);
            Assert.Equal(ReplicaOutcome.Done, (await store.CopyAsync(Segment, 1, 0, Frame)).Outcome);
            Assert.Equal(ReplicaOutcome.Done, (await store.FinishCopyAsync(Segment, seal: true)).Outcome);
        }
        using var again = Open();
        Assert.Equal((Frame.Length, true), await again.StatAsync(Segment) is var state ? (state.Length, state.Sealed) : default);
    }

    [Theory]
    [InlineData(24, int.MaxValue, ReplicaOutcome.InProgress, false)] // EMFILE: nothing was looked at
    [InlineData(5, 1, ReplicaOutcome.Done, false)] // EIO that passes
    [InlineData(5, int.MaxValue, ReplicaOutcome.Failed, true)]
    public async Task VerifyThatCannotRead_CallsItRotten_OnlyWhenTheDiskSaysItTwice(int errno, int times, ReplicaOutcome outcome, bool isRotten)
    {
        using var store = Open();
        await CreateAsync(store);
        await store.AppendAsync(Segment, 1, 0, Frame, sync: true);
        store.Calls.Reading = _ =>
        {
            if (times-- > 0)
            {
                throw new IOException("not now", errno);
            }
        };
        Assert.Equal(outcome, (await store.VerifyAsync(Segment, 0, Frame.Length)).Outcome);
        Assert.Equal(isRotten, (await store.StatAsync(Segment)).Rotten);
    }

    private string FileOf() => Directory.GetFiles(_directory, "*.seg", SearchOption.AllDirectories).Single();

    private SegmentStore Open() => new(_directory, "a", NullLogger<SegmentStore>.Instance);

    private static Task<ReplicaAnswer> CreateAsync(SegmentStore store) =>
        store.CreateAsync(new SegmentHeader { Segment = Segment, Object = new ObjectId(ObjectKind.File, 5), Epoch = 1, Disk = store.Id });

    private static byte[] Frame { get; } = FrameCodec.Encode(
        new FrameHeader
        {
            PayloadLength = 64, Kind = 1, Object = new ObjectId(ObjectKind.File, 5), Epoch = 1, Position = 0, WriteNumber = 0,
            ResultingSize = 64, Time = 1, Request = default, RequestHash = 0, Segment = Segment,
        },
        SegmentRig.Payload(1));
}
