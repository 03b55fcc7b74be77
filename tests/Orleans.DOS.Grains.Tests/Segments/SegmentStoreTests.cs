using Microsoft.Extensions.Logging.Abstractions;
using Orleans.DOS.Segments;
using Xunit;

namespace Orleans.DOS.Grains.Tests.Segments;

/// <summary>Real files. A crash is a store that is abandoned (its directory is copied as it is) and opened under another boot.</summary>
public sealed class SegmentStoreTests : IDisposable
{
    private static readonly SegmentId Segment = new(77);
    private readonly string _directory = Directory.CreateTempSubdirectory("dos-store-").FullName;

    public void Dispose() => Directory.Delete(_directory, recursive: true);

    [Fact]
    public async Task Append_ThenRead_GivesTheFrames()
    {
        using var store = Open("a");
        await CreateAsync(store);
        var frames = Frames(3, 1000);
        Assert.Equal(ReplicaOutcome.Done, (await store.AppendAsync(Segment, 1, 0, frames, sync: true)).Outcome);
        var chunk = await store.ReadAsync(Segment, 0, 1 << 20);
        Assert.Equal(frames, chunk.Frames);
        Assert.Equal(frames.Length, chunk.Answer.SyncedLength);
    }

    [Fact]
    public async Task Append_OutOfPlaceOrByAnOldEpoch_IsRefused()
    {
        using var store = Open("a");
        await CreateAsync(store);
        var frames = Frames(1, 10);
        Assert.Equal(ReplicaOutcome.RefusedOffset, (await store.AppendAsync(Segment, 1, 5, frames, false)).Outcome);
        Assert.Equal(ReplicaOutcome.Done, (await store.SealAsync(Segment, 4, null)).Outcome);
        Assert.Equal(ReplicaOutcome.RefusedEpoch, (await store.AppendAsync(Segment, 1, 0, frames, false)).Outcome);
        Assert.Equal(ReplicaOutcome.RefusedSealed, (await store.AppendAsync(Segment, 4, 0, frames, false)).Outcome);
    }

    [Fact]
    public async Task Reached_WaitsForWhatWasOvertaken_OrForTheEndOfPatience_OrTheSeal()
    {
        using var store = Open("a");
        await CreateAsync(store);
        var frames = Frames(1, 10);
        using var patience = new CancellationTokenSource();
        var reached = store.ReachedAsync(Segment, frames.Length, CancellationToken.None);
        var further = store.ReachedAsync(Segment, 5 * frames.Length, patience.Token);
        var sealing = store.ReachedAsync(Segment, 9 * frames.Length, CancellationToken.None);
        Assert.False(reached.IsCompleted);
        await store.AppendAsync(Segment, 1, 0, frames, false);
        await reached;
        Assert.False(further.IsCompleted);
        await patience.CancelAsync();
        await further;
        Assert.False(sealing.IsCompleted);
        await store.SealAsync(Segment, 1, null);
        await sealing;
        await store.ReachedAsync(new SegmentId(4711), 1, CancellationToken.None);
    }

    [Fact]
    public async Task Reopen_AfterCleanEnd_IsUndamaged_AndRemembersSealAndEpoch()
    {
        using (var store = Open("a"))
        {
            await CreateAsync(store);
            await store.AppendAsync(Segment, 1, 0, Frames(2, 50), false);
            await store.SealAsync(Segment, 6, null);
        }
        using var again = Open("b");
        var state = await again.StatAsync(Segment);
        Assert.Equal((true, 6L, false), (state.Sealed, state.Epoch, state.Damaged));
        Assert.Equal(2 * 146, state.Length);
    }

    [Fact]
    public async Task Recover_AfterPowerLossWithTornTail_KeepsWholeFrames_AndIsDamaged()
    {
        var crashed = Directory.CreateTempSubdirectory("dos-crash-").FullName;
        try
        {
            using (var store = Open("a"))
            {
                await CreateAsync(store);
                await store.AppendAsync(Segment, 1, 0, Frames(2, 50), sync: true);
                Copy(_directory, crashed);
            }
            var file = Directory.GetFiles(crashed, "*.seg", SearchOption.AllDirectories).Single();
            using (var tail = File.Open(file, FileMode.Append))
            {
                tail.Write(Frames(1, 50).AsSpan(0, 70));
            }
            using var again = new SegmentStore(crashed, "b", NullLogger<SegmentStore>.Instance);
            var state = await again.StatAsync(Segment);
            Assert.Equal((2 * 146L, true), (state.Length, state.Damaged));
        }
        finally
        {
            Directory.Delete(crashed, recursive: true);
        }
    }

    /// <summary>Only the process died, and a frame in the middle is bad: what lies behind it was acknowledged, and nothing of it is dropped.</summary>
    [Fact]
    public async Task Recover_WithABadFrameAndGoodOnesBehind_IsRotten_AndKeepsThem()
    {
        var crashed = Directory.CreateTempSubdirectory("dos-crash-").FullName;
        try
        {
            using (var store = Open("a"))
            {
                await CreateAsync(store);
                await store.AppendAsync(Segment, 1, 0, Frames(4, 50), false);
                Copy(_directory, crashed);
            }
            var file = Directory.GetFiles(crashed, "*.seg", SearchOption.AllDirectories).Single();
            using (var log = File.Open(file, FileMode.Open))
            {
                log.Position = 4096 + 146 + 120;
                log.WriteByte(0xEE);
            }
            using (var again = new SegmentStore(crashed, "a", NullLogger<SegmentStore>.Instance))
            {
                var state = await again.StatAsync(Segment);
                Assert.Equal((4 * 146L, true, true), (state.Length, state.Damaged, state.Rotten));
                Assert.Equal(ReplicaOutcome.Failed, (await again.AppendAsync(Segment, 1, 4 * 146, Frames(1, 50), false)).Outcome);
                Assert.Equal(ReplicaOutcome.Done, (await again.SealAsync(Segment, 2, null)).Outcome);
                Assert.Equal(2 * 146, (await again.ReadAsync(Segment, 2 * 146, 4096)).Frames.Length);
            }
            using var third = new SegmentStore(crashed, "a", NullLogger<SegmentStore>.Instance);
            Assert.True((await third.StatAsync(Segment)).Rotten);
        }
        finally
        {
            Directory.Delete(crashed, recursive: true);
        }
    }

    [Fact]
    public async Task Recover_SmallSyncedFrameMissingFromItsFile_ComesBackFromTheJournal()
    {
        var crashed = Directory.CreateTempSubdirectory("dos-crash-").FullName;
        try
        {
            using (var store = Open("a"))
            {
                await CreateAsync(store);
                await store.AppendAsync(Segment, 1, 0, Frames(2, 50), sync: true);
                Copy(_directory, crashed);
            }
            var file = Directory.GetFiles(crashed, "*.seg", SearchOption.AllDirectories).Single();
            using (var log = File.Open(file, FileMode.Open))
            {
                log.SetLength(4096);
            }
            using var again = new SegmentStore(crashed, "b", NullLogger<SegmentStore>.Instance);
            Assert.Equal(Frames(2, 50), (await again.ReadAsync(Segment, 0, 4096)).Frames);
        }
        finally
        {
            Directory.Delete(crashed, recursive: true);
        }
    }

    [Fact]
    public async Task Read_OfChangedByte_IsFailed()
    {
        using var store = Open("a");
        await CreateAsync(store);
        await store.AppendAsync(Segment, 1, 0, Frames(1, 50), sync: true);
        var file = Directory.GetFiles(_directory, "*.seg", SearchOption.AllDirectories).Single();
        using (var log = new FileStream(file, FileMode.Open, FileAccess.ReadWrite, FileShare.ReadWrite | FileShare.Delete))
        {
            log.Position = 4096 + 120;
            log.WriteByte(0xee);
        }
        Assert.Equal(ReplicaOutcome.Failed, (await store.ReadAsync(Segment, 0, 4096)).Answer.Outcome);
    }

    [Fact]
    public async Task DurableAppends_OfManyAtOnce_KeepTheirOrderAndOneRefusedIsRefusedAlone()
    {
        using var store = Open("a");
        await CreateAsync(store);
        var frames = Enumerable.Range(0, 64).Select(_ => Frames(1, 200)).ToArray();
        var length = frames[0].Length;
        var appends = frames.Select((frame, number) => store.AppendAsync(Segment, 1, (long)number * length, frame, sync: true)).ToList();
        // While most of them wait for the disk.
        var refused = store.AppendAsync(Segment, 1, 65L * length, frames[0], sync: true);
        var stale = store.AppendAsync(Segment, 0, 64L * length, frames[0], sync: true);
        for (var number = 0; number < appends.Count; number++)
        {
            var answer = await appends[number];
            Assert.Equal(ReplicaOutcome.Done, answer.Outcome);
            Assert.True(answer.SyncedLength >= (number + 1L) * length, $"append {number} was answered with {answer.SyncedLength} bytes on disk");
        }
        Assert.Equal(ReplicaOutcome.RefusedOffset, (await refused).Outcome);
        Assert.Equal(ReplicaOutcome.RefusedEpoch, (await stale).Outcome);
        Assert.Equal(frames.SelectMany(frame => frame), (await store.ReadAsync(Segment, 0, 1 << 20)).Frames);
    }

    private SegmentStore Open(string boot) => new(_directory, boot, NullLogger<SegmentStore>.Instance);

    private static Task<ReplicaAnswer> CreateAsync(SegmentStore store) =>
        store.CreateAsync(new SegmentHeader { Segment = Segment, Object = new ObjectId(ObjectKind.File, 5), Epoch = 1, Disk = store.Id });

    private static byte[] Frames(int count, int payload) => [.. Enumerable.Range(0, count).SelectMany(i => FrameCodec.Encode(
        new FrameHeader
        {
            PayloadLength = payload, Kind = 1, Object = new ObjectId(ObjectKind.File, 5), Epoch = 1, Position = i * payload, WriteNumber = i,
            ResultingSize = (i + 1) * payload, Time = 1, Request = default, RequestHash = 0, Segment = Segment,
        },
        Enumerable.Repeat((byte)(i + 1), payload).ToArray()))];

    private static void Copy(string from, string to)
    {
        foreach (var path in Directory.GetFiles(from, "*", SearchOption.AllDirectories))
        {
            var target = Path.Combine(to, Path.GetRelativePath(from, path));
            Directory.CreateDirectory(Path.GetDirectoryName(target)!);
            File.Copy(path, target);
        }
    }
}
