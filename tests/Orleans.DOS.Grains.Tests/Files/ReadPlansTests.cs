using Orleans.DOS.Files;
using Xunit;

namespace Orleans.DOS.Grains.Tests.Files;

/// <summary>Reads share lookups, and never one that had begun before they were asked for.</summary>
public sealed class ReadPlansTests
{
    private const int Frame = Limits.FramePayloadBytesMax;
    private static readonly InodeId File = new(5), Other = new(6);

    private readonly List<(InodeId Inode, long Start, long End, TaskCompletionSource<FileReadPlan?> Answer)> _lookups = [];
    private readonly ReadPlans _plans;

    public ReadPlansTests() => _plans = new ReadPlans((_, inode, start, end) =>
    {
        var answer = new TaskCompletionSource<FileReadPlan?>();
        _lookups.Add((inode, start, end, answer));
        return answer.Task;
    });

    [Fact]
    public async Task Reads_DuringALookup_ShareTheNextOne_WhichCoversThemAll()
    {
        var first = Find(File, 0);
        var rest = Enumerable.Range(1, 7).Reverse().Select(frame => Find(File, frame)).ToList();
        Assert.Equal((File, 0L, (long)Frame), Asked(Assert.Single(_lookups)));

        Answer(0, size: 1);
        Assert.Equal(1, (await first)!.Size);
        Assert.Equal(2, _lookups.Count);
        Assert.Equal((File, Frame, 8L * Frame), Asked(_lookups[1]));
        // The file was written to meanwhile: none of them may hear what the first lookup saw.
        Assert.All(rest, read => Assert.False(read.IsCompleted));

        Answer(1, size: 2);
        Assert.All(await Task.WhenAll(rest), plan => Assert.Equal(2, plan!.Size));

        var later = Find(File, 0);
        Assert.Equal(3, _lookups.Count);
        Answer(2, size: 3);
        Assert.Equal(3, (await later)!.Size);
    }

    [Fact]
    public void Reads_OfOtherFilesAndPlaces_ShareNothing()
    {
        _ = Find(File, 0);
        _ = Find(Other, 0);
        _ = Find(File, 8);
        _ = _plans.FindAsync(new MachineId(2), File, 0, Frame);
        Assert.Equal(4, _lookups.Count);
    }

    [Fact]
    public async Task Lookup_ThatFindsTheCatalogAway_FailsThoseWhoWaitedForIt_AndNobodyElse()
    {
        var first = Find(File, 0);
        var waiting = Find(File, 1);
        _lookups[0].Answer.SetException(new DosException(DosErrorCode.Unavailable, "away"));
        Assert.Equal(DosErrorCode.Unavailable, (await Assert.ThrowsAsync<DosException>(() => first)).Code);
        Assert.Equal(DosErrorCode.Unavailable, (await Assert.ThrowsAsync<DosException>(() => waiting)).Code);
        Assert.Single(_lookups);

        var later = Find(File, 0);
        Answer(1, size: 1);
        Assert.Equal(1, (await later)!.Size);
    }

    [Fact]
    public async Task Lookup_ThatFails_IsFollowedByTheNext()
    {
        var first = Find(File, 0);
        var waiting = Find(File, 1);
        _lookups[0].Answer.SetException(new DosException(DosErrorCode.NoSuchPath, "gone"));
        Assert.Equal(DosErrorCode.NoSuchPath, (await Assert.ThrowsAsync<DosException>(() => first)).Code);
        Assert.Equal(2, _lookups.Count);
        _lookups[1].Answer.SetException(new InvalidOperationException());
        await Assert.ThrowsAsync<InvalidOperationException>(() => waiting);

        _ = Find(File, 0);
        Assert.Equal(3, _lookups.Count);
    }

    private Task<FileReadPlan?> Find(InodeId inode, int frame) => _plans.FindAsync(MachineId.Main, inode, (long)frame * Frame, (frame + 1L) * Frame);

    private void Answer(int lookup, long size) => _lookups[lookup].Answer.SetResult(new FileReadPlan(size, null, []));

    private static (InodeId, long, long) Asked((InodeId Inode, long Start, long End, TaskCompletionSource<FileReadPlan?>) lookup) => (lookup.Inode, lookup.Start, lookup.End);
}
