using Orleans.DOS.Catalog;
using Orleans.DOS.Nodes;
using Orleans.DOS.Segments;

namespace Orleans.DOS.Grains.Tests.Segments;

/// <summary>A new owner over what an earlier one left open: replicas that lost some, crashes on the way, and the old owner still at it.</summary>
public abstract class LogTakeoverTests
{
    private static readonly ObjectId Target = new(ObjectKind.File, 5);

    protected abstract Task<TestDatabase> NewDatabaseAsync();

    private async Task<SegmentRig> RigAsync(int nodes = 3) => await SegmentRig.StartAsync(await NewDatabaseAsync(), nodes);

    [Fact]
    public async Task OldOwner_WritingOnDuringATakeover_IsRefusedByEpoch_AndEnds()
    {
        await using var rig = await RigAsync();
        var old = await RigOwner.TakeAsync(rig, rig.Nodes[0], Target);
        await old.AppendAsync([1, 2, 3]);
        var commit = new TaskCompletionSource();
        rig.Nodes[1].Catalog.Bend = (kind, run) => kind == "write" ? Held(commit.Task, run) : null;
        var taking = RigOwner.TakeAsync(rig, rig.Nodes[1], Target);
        await SegmentRig.UntilAsync(() => rig.Network.Sent.Count(call => call.Name == "Seal") == 3);
        await rig.QuietAsync();

        var late = await Assert.ThrowsAsync<DosException>(() => old.AppendAsync(4));
        Assert.Equal(DosErrorCode.Stale, late.Code);
        commit.SetResult();
        var owner = await taking;
        Assert.Equal([1, 2, 3], owner.Found);
        await owner.AppendAsync(5);
        Assert.Equal(DosErrorCode.Stale, (await Assert.ThrowsAsync<DosException>(() => old.AppendAsync(6))).Code);
        Assert.Equal(DosErrorCode.Stale, (await Assert.ThrowsAsync<DosException>(() => old.Log.CloseAsync())).Code);
        // The refusals were no failed replicas: the old owner sealed nothing and opened nothing.
        Assert.DoesNotContain(rig.Network.Sent, call => call.Name == "Seal" && call.From == rig.Nodes[0].Self);
        Assert.Equal([1L, 2L], (await rig.SegmentsAsync(Target)).Select(row => row.Epoch));
    }

    [Fact]
    public async Task FrameBeyondTheAcknowledgedLength_MayBeKept_AndIsThenAtAllReplicas()
    {
        await using var rig = await RigAsync();
        var old = await RigOwner.TakeAsync(rig, rig.Nodes[0], Target);
        var first = await old.AppendAsync(1);
        var gate = new TaskCompletionSource();
        using var held = rig.Network.Bend(call => call.Name == "Append" && call.To == rig.Nodes[2].Self, async delivery =>
        {
            await gate.Task;
            await delivery.RunAsync();
        });
        var unknown = old.AppendAsync(2);
        await rig.QuietAsync();
        var owner = await RigOwner.TakeAsync(rig, rig.Nodes[1], Target);
        Assert.Equal([1, 2], owner.Found);
        gate.SetResult();
        Assert.Equal(DosErrorCode.Stale, (await Assert.ThrowsAsync<DosException>(() => unknown)).Code);
        foreach (var node in rig.Nodes)
        {
            Assert.Equal(2 * 160, (await node.Store.StatAsync(first.Segment)).Length);
        }
    }

    [Fact]
    public async Task Replay_OverSegmentsWithNumbersOutOfOrder_FollowsEpochs_AndBeginsAtTheCheckpoint()
    {
        await using var rig = await RigAsync();
        rig.Nodes[0].Catalog.Ids.Enqueue(901);
        rig.Nodes[0].Catalog.Ids.Enqueue(902);
        rig.Nodes[1].Catalog.Ids.Enqueue(301);
        var first = await RigOwner.TakeAsync(rig, rig.Nodes[0], Target);
        await first.AppendAsync([1, 2]);
        using (rig.Network.Bend(call => call is { Name: "Append", Segment.Value: 901 } && call.To == rig.Nodes[2].Self, RigNetwork.Hang))
        {
            // Fails a replica, so that one epoch has two segments.
            await rig.PassAsync(first.AppendAsync(3));
        }
        var places = await first.AppendAsync([4, 5]);
        var second = await RigOwner.TakeAsync(rig, rig.Nodes[1], Target);
        Assert.Equal([1, 2, 3, 4, 5], second.Found);
        await second.AppendAsync([6, 7]);

        var checkpoint = (places[0].Segment, places[0].Offset + FrameCodec.HeaderBytes + places[0].PayloadLength);
        Assert.Equal(902, places[0].Segment.Value);
        Assert.Equal([5, 6, 7], (await RigOwner.TakeAsync(rig, rig.Nodes[2], Target, replayFrom: checkpoint)).Found);
        Assert.Equal([1, 2, 3, 4, 5, 6, 7], (await RigOwner.TakeAsync(rig, rig.Nodes[0], Target)).Found);
    }

    [Fact]
    public async Task Replay_FromACheckpointWhoseSegmentIsGone_IsDamaged_NotEmpty()
    {
        await using var rig = await RigAsync();
        await (await RigOwner.TakeAsync(rig, rig.Nodes[0], Target)).AppendAsync(1);
        var failure = await Assert.ThrowsAsync<DosException>(() => RigOwner.TakeAsync(rig, rig.Nodes[1], Target, replayFrom: (new SegmentId(4711), 0)));
        Assert.Equal(DosErrorCode.Damaged, failure.Code);
    }

    /// <summary>Four plain frames were acknowledged. What has become of the three replicas, and what the next owner finds; -1 is Unavailable.</summary>
    [Theory]
    [InlineData("good  down  down ", 4)]
    [InlineData("torn  good  down ", 4)]
    [InlineData("wiped good  good ", 4)]
    [InlineData("lacks good  down ", 4)]
    [InlineData("short power down ", -1)]
    [InlineData("power torn  wiped", 4)]
    [InlineData("power power power", 4)]
    [InlineData("torn  short lacks", 3)]
    [InlineData("short short wiped", 2)]
    [InlineData("lacks lacks down ", -1)]
    [InlineData("lacks wiped wiped", -1)]
    [InlineData("down  down  down ", -1)]
    public async Task Takeover_NeedsOneUndamagedReplica_OrAll(string fates, int found)
    {
        await using var rig = await RigAsync(4);
        await LeaveFourFramesAsync(rig);
        foreach (var (index, fate) in fates.Split(' ', StringSplitOptions.RemoveEmptyEntries).Index())
        {
            await SufferAsync(rig, rig.Nodes[index], fate);
        }
        if (found >= 0)
        {
            Assert.Equal(Enumerable.Range(1, found), (await RigOwner.TakeAsync(rig, rig.Nodes[3], Target)).Found);
            // And the one after that, who has only the catalog's word.
            Assert.Equal(Enumerable.Range(1, found), (await RigOwner.TakeAsync(rig, rig.Nodes[3], Target)).Found);
            return;
        }
        for (var attempt = 0; attempt < 2; attempt++)
        {
            var failure = await Assert.ThrowsAsync<DosException>(() => RigOwner.TakeAsync(rig, rig.Nodes[3], Target));
            Assert.Equal(DosErrorCode.Unavailable, failure.Code);
        }
        Assert.Equal(SegmentRow.Open, Assert.Single(await rig.SegmentsAsync(Target)).State);
    }

    [Fact]
    public async Task Takeover_ThatWasUnavailable_SucceedsWhenTheUndamagedReplicaIsBack()
    {
        await using var rig = await RigAsync(4);
        await LeaveFourFramesAsync(rig);
        await SufferAsync(rig, rig.Nodes[0], "short");
        await SufferAsync(rig, rig.Nodes[1], "lacks");
        rig.Nodes[2].Crash();
        await Assert.ThrowsAsync<DosException>(() => RigOwner.TakeAsync(rig, rig.Nodes[3], Target));
        rig.Nodes[2].Restart();
        Assert.Equal([1, 2, 3, 4], (await RigOwner.TakeAsync(rig, rig.Nodes[3], Target)).Found);
        // What the others lacked was copied to them.
        var segment = (await rig.SegmentsAsync(Target))[0].SegmentId;
        Assert.All(await rig.GoodAsync(segment), node => Assert.Equal(4 * 160, node.Store.StatAsync(new SegmentId(segment)).Result.Length));
    }

    [Fact]
    public async Task HungReplica_DoesNotHoldUpATakeover()
    {
        await using var rig = await RigAsync(4);
        await LeaveFourFramesAsync(rig);
        using var hangs = rig.Network.Bend(call => call.To == rig.Nodes[2].Self, RigNetwork.Hang);
        var start = rig.Time.GetTimestamp();
        Assert.Equal([1, 2, 3, 4], (await RigOwner.TakeAsync(rig, rig.Nodes[3], Target)).Found);
        Assert.True(rig.Time.GetElapsedTime(start) < TimeSpan.FromSeconds(5));
    }

    [Fact]
    public async Task Takeover_ThatCrashesAtAnyOfItsSteps_IsRunAgainByTheNext()
    {
        await using var rig = await RigAsync();
        for (var (step, crashed) = (1, true); crashed; step++)
        {
            crashed = await CrashAndTakeAsync(rig, step, after: false);
            await CrashAndTakeAsync(rig, step, after: true);
        }
    }

    /// <returns>False when the takeover has no such step.</returns>
    private static async Task<bool> CrashAndTakeAsync(SegmentRig rig, int step, bool after)
    {
        var target = new ObjectId(ObjectKind.File, (step * 10) + (after ? 1 : 0));
        var old = await RigOwner.TakeAsync(rig, rig.Nodes[0], target);
        await old.AppendAsync([1, 2, 3]);
        using (rig.Network.Bend(call => call.Name == "Append" && call.To == rig.Nodes[2].Self, RigNetwork.Hang))
        {
            // One frame too many at two of the three: there is something to copy.
            _ = old.AppendAsync(4);
            await rig.QuietAsync();
        }
        var crashed = false;
        var (rule, steps) = rig.CrashAt(rig.Nodes[1], step, after);
        using (rule)
        {
            try
            {
                await RigOwner.TakeAsync(rig, rig.Nodes[1], target);
            }
            catch (RigCrash)
            {
                crashed = true;
            }
        }
        Assert.Equal(steps() >= step, crashed);
        Assert.Equal([1, 2, 3, 4], (await RigOwner.TakeAsync(rig, rig.Nodes[2], target)).Found);
        Assert.Equal([1, 2, 3, 4], (await RigOwner.TakeAsync(rig, rig.Nodes[0], target)).Found);
        return crashed;
    }

    /// <summary>On the first three nodes, received by all, synced by none; then the owner is heard of no more.</summary>
    private static async Task LeaveFourFramesAsync(SegmentRig rig)
    {
        rig.Nodes[3].State = NodeState.Cordoned;
        var owner = await RigOwner.TakeAsync(rig, rig.Nodes[0], Target);
        await owner.AppendAsync([1, 2, 3, 4], durable: false);
        rig.Nodes[3].State = NodeState.Ready;
    }

    private static async Task SufferAsync(SegmentRig rig, RigNode node, string fate)
    {
        switch (fate)
        {
            case "down":
                node.Crash();
                return;
            case "power":
                node.Crash(powerLoss: true);
                break;
            case "torn":
                node.Crash(powerLoss: true, directory => Cut(directory, (4 * 160) - 70));
                break;
            case "short":
                node.Crash(powerLoss: true, directory => Cut(directory, 2 * 160));
                break;
            case "lacks":
                node.Crash(powerLoss: true, directory => File.Delete(SegmentFile(directory)));
                break;
            case "wiped":
                node.Wipe();
                break;
        }
        if (fate != "good")
        {
            node.Restart();
            await rig.RegisterAsync(node);
        }
    }

    private static string SegmentFile(string directory) => Directory.GetFiles(directory, "*.seg", SearchOption.AllDirectories).Single();

    private static void Cut(string directory, long length)
    {
        using var file = File.Open(SegmentFile(directory), FileMode.Open);
        file.SetLength(4096 + length);
    }

    private static async Task Held(Task gate, Func<Task> run)
    {
        await gate;
        await run();
    }
}

public sealed class SqliteLogTakeoverTests : LogTakeoverTests
{
    protected override Task<TestDatabase> NewDatabaseAsync() => Task.FromResult<TestDatabase>(new SqliteTestDatabase());
}

public sealed class PostgresLogTakeoverTests(SharedPostgres shared) : LogTakeoverTests
{
    protected override async Task<TestDatabase> NewDatabaseAsync() => await PostgresTestDatabase.CreateAsync(await shared.ServerAsync());
}
