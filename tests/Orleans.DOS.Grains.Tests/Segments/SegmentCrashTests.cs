using Microsoft.Extensions.Logging.Abstractions;
using Orleans.DOS.Segments;

namespace Orleans.DOS.Grains.Tests.Segments;

/// <summary>
/// A store after a power loss, at every point at which a write can be torn: what was synced is there, what is there is a prefix of
/// what was sent, and highest epoch and seal are those that were answered.
/// </summary>
public sealed class SegmentCrashTests : IDisposable
{
    private const int FrameBytes = FrameCodec.HeaderBytes + 8;
    private static readonly SegmentId Segment = new(77);
    private static readonly ObjectId Target = new(ObjectKind.File, 5);
    private readonly string _root = Directory.CreateTempSubdirectory("dos-cuts-").FullName;

    public void Dispose() => Directory.Delete(_root, recursive: true);

    [Fact]
    public async Task SegmentFile_TornAtAnyByte_KeepsWhatWasSynced_AndAPrefixOfTheRest()
    {
        var left = await LeaveAsync(async store =>
        {
            await CreateAsync(store);
            await store.AppendAsync(Segment, 1, 0, Frames(0, 2), sync: true);
            await store.AppendAsync(Segment, 1, 2 * FrameBytes, Frames(2, 2), sync: false);
        });
        var whole = File.ReadAllBytes(SegmentFile(left));
        for (var cut = 0; cut <= 4 * FrameBytes; cut += 7)
        {
            var state = await ReopenAsync(left, directory => File.WriteAllBytes(SegmentFile(directory), whole[..(4096 + cut)]), async store =>
            {
                var chunk = await store.ReadAsync(Segment, 0, 1 << 20);
                Assert.Equal(Frames(0, 4)[..chunk.Frames.Length], chunk.Frames);
                // An answered sync outlives the loss, because the journal has it.
                Assert.True(chunk.Frames.Length >= 2 * FrameBytes, $"cut at {cut}");
                return chunk.Answer;
            });
            Assert.Equal((Math.Max(2, cut / FrameBytes) * FrameBytes, true), (state.Length, state.Damaged));
            Assert.Equal(state.Length, state.SyncedLength);
        }
    }

    [Fact]
    public async Task Journal_TornAtAnyByte_ReplaysItsWholeRecords()
    {
        var left = await LeaveAsync(async store =>
        {
            await CreateAsync(store);
            for (var frame = 0; frame < 3; frame++)
            {
                await store.AppendAsync(Segment, 1, frame * FrameBytes, Frames(frame, 1), sync: true);
            }
        });
        var journal = Path.GetFileName(Directory.GetFiles(left, "journal-*").Single());
        const int record = JournalRecord.HeaderBytes + FrameBytes;
        var bytes = File.ReadAllBytes(Path.Combine(left, journal))[..(3 * record)];
        for (var cut = 0; cut <= bytes.Length; cut += 11)
        {
            var state = await ReopenAsync(left, directory =>
            {
                // The bytes of the segment's own file never reached the disk.
                using (var file = File.OpenWrite(SegmentFile(directory)))
                {
                    file.SetLength(4096);
                }
                File.WriteAllBytes(Path.Combine(directory, journal), [.. bytes[..cut], .. new byte[50]]);
            }, store => store.StatAsync(Segment));
            Assert.Equal(cut / record * FrameBytes, state.Length);
        }
    }

    [Fact]
    public async Task Header_TornWhileItWasWritten_IsTheOldOrTheNew()
    {
        byte[] before = [];
        var left = await LeaveAsync(async store =>
        {
            await CreateAsync(store);
            await store.AppendAsync(Segment, 1, 0, Frames(0, 2), sync: true);
            await store.SealAsync(Segment, 3, null);
            before = ReadShared(LiveFile);
            await store.SealAsync(Segment, 9, null);
        });
        var after = File.ReadAllBytes(SegmentFile(left));
        Assert.NotEqual(before, after);
        for (var torn = 0; torn <= 4096; torn++)
        {
            if (torn is > 64 and < 2048 or > 2112 and < 4096)
            {
                continue;
            }
            var state = await ReopenAsync(
                left, directory => File.WriteAllBytes(SegmentFile(directory), [.. after[..torn], .. before[torn..]]), store => store.StatAsync(Segment));
            Assert.True((state.Epoch is 3 or 9) && state.Sealed && state.Length == 2 * FrameBytes, $"torn at {torn}: {state}");
        }
    }

    [Fact]
    public async Task HighestEpochAndSeal_SurviveAPowerLoss_AlsoThoseOfARefusal()
    {
        var left = await LeaveAsync(async store =>
        {
            await CreateAsync(store);
            await store.AppendAsync(Segment, 4, 0, Frames(0, 1), sync: false);
            Assert.Equal(ReplicaOutcome.RefusedOffset, (await store.AppendAsync(Segment, 6, 5000, Frames(1, 1), sync: false)).Outcome);
        });
        await ReopenAsync(left, _ => { }, async store =>
        {
            var old = await store.AppendAsync(Segment, 5, FrameBytes, Frames(1, 1), sync: false);
            Assert.Equal((ReplicaOutcome.RefusedEpoch, 6L), (old.Outcome, old.Epoch));
            Assert.Equal(ReplicaOutcome.Done, (await store.SealAsync(Segment, 7, null)).Outcome);
            return old;
        });
        await ReopenAsync(left, _ => { }, async store =>
        {
            Assert.Equal(ReplicaOutcome.Done, (await store.SealAsync(Segment, 7, null)).Outcome);
            return await store.StatAsync(Segment);
        }, keep: true);
        await ReopenAsync(left, _ => { }, async store =>
        {
            Assert.Equal(ReplicaOutcome.RefusedSealed, (await store.AppendAsync(Segment, 7, FrameBytes, Frames(1, 1), sync: false)).Outcome);
            return await store.StatAsync(Segment);
        });
    }

    [Fact]
    public async Task Append_OfWhatItHas_IsFine_AndChangesNothing()
    {
        using var store = Open(Path.Combine(_root, "again"), "a");
        await CreateAsync(store);
        await store.AppendAsync(Segment, 1, 0, Frames(0, 3), sync: false);
        var again = await store.AppendAsync(Segment, 1, FrameBytes, Frames(1, 1), sync: true);
        Assert.Equal((ReplicaOutcome.Done, 3L * FrameBytes), (again.Outcome, again.Length));
        Assert.Equal(Frames(0, 3), (await store.ReadAsync(Segment, 0, 1 << 20)).Frames);
        Assert.Equal(ReplicaOutcome.RefusedOffset, (await store.AppendAsync(Segment, 1, 2 * FrameBytes, Frames(2, 2), sync: false)).Outcome);
        Assert.Equal(ReplicaOutcome.RefusedOffset, (await store.AppendAsync(Segment, 1, 4 * FrameBytes, Frames(4, 1), sync: false)).Outcome);
    }

    /// <summary>Runs a store and gives what its directory holds at a power loss right after.</summary>
    private async Task<string> LeaveAsync(Func<SegmentStore, Task> work)
    {
        var left = Path.Combine(_root, "left");
        using var store = Open(Path.Combine(_root, "live"), "a");
        await work(store);
        Copy(Path.Combine(_root, "live"), left);
        return left;
    }

    private async Task<ReplicaAnswer> ReopenAsync(string left, Action<string> damage, Func<SegmentStore, Task<ReplicaAnswer>> look, bool keep = false)
    {
        var directory = Path.Combine(_root, "again");
        Copy(left, directory);
        damage(directory);
        ReplicaAnswer answer;
        using (var store = Open(directory, "b"))
        {
            answer = await look(store);
            if (keep)
            {
                Directory.Delete(left, recursive: true);
                Copy(directory, left);
            }
        }
        Directory.Delete(directory, recursive: true);
        return answer;
    }

    private static SegmentStore Open(string directory, string boot) => new(directory, boot, NullLogger<SegmentStore>.Instance);

    private static Task<ReplicaAnswer> CreateAsync(SegmentStore store) =>
        store.CreateAsync(new SegmentHeader { Segment = Segment, Object = Target, Epoch = 1, Disk = store.Id });

    private static byte[] Frames(int first, int count) => [.. Enumerable.Range(first, count).SelectMany(number => FrameCodec.Encode(
        new FrameHeader
        {
            PayloadLength = 8, Kind = 1, Object = Target, Epoch = 1, Position = number, WriteNumber = number,
            ResultingSize = number + 1, Time = 1, Request = default, RequestHash = 0, Segment = Segment,
        },
        SegmentRig.Payload(number, 8)))];

    private string LiveFile => SegmentFile(Path.Combine(_root, "live"));

    private static string SegmentFile(string directory) => Directory.GetFiles(directory, "*.seg", SearchOption.AllDirectories).Single();

    private static byte[] ReadShared(string path)
    {
        using var file = new FileStream(path, FileMode.Open, FileAccess.Read, FileShare.ReadWrite | FileShare.Delete);
        using var bytes = new MemoryStream();
        file.CopyTo(bytes);
        return bytes.ToArray();
    }

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
