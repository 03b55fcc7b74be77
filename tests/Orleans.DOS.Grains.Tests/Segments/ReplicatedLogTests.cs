using Orleans.DOS.Catalog;
using Orleans.DOS.Segments;

namespace Orleans.DOS.Grains.Tests.Segments;

/// <summary>The owner's side over real stores: what an acknowledgement means, and what becomes of a replica that does not answer.</summary>
public abstract class ReplicatedLogTests
{
    private static readonly ObjectId Target = new(ObjectKind.File, 5);
    private static readonly TimeSpan Second = TimeSpan.FromSeconds(1);

    protected abstract Task<TestDatabase> NewDatabaseAsync();

    private async Task<SegmentRig> RigAsync(int nodes = 3) => await SegmentRig.StartAsync(await NewDatabaseAsync(), nodes);

    [Fact]
    public async Task Append_Plain_IsAcknowledgedWhenAllHaveIt_AndAFlushWhenAllHaveSyncedIt()
    {
        await using var rig = await RigAsync();
        var owner = await RigOwner.TakeAsync(rig, rig.Nodes[0], Target);
        await owner.AppendAsync(0);
        var gate = new TaskCompletionSource();
        Task<FramePlace> append;
        using (rig.Network.Bend(call => call.Name == "Append" && call.To == rig.Nodes[2].Self, async delivery =>
        {
            await gate.Task;
            await delivery.RunAsync();
        }))
        {
            append = owner.AppendAsync(1, durable: false);
            await rig.QuietAsync();
            Assert.False(append.IsCompleted);
            gate.SetResult();
            await append;
        }
        var state = await rig.Nodes[1].Store.StatAsync((await append).Segment);
        Assert.True(state.SyncedLength < state.Length, "a plain append pays for no sync");

        var syncs = new TaskCompletionSource();
        using var slow = rig.Network.Bend(call => call.Name == "Sync" && call.To == rig.Nodes[2].Self, async delivery =>
        {
            await syncs.Task;
            await delivery.RunAsync();
        });
        var flush = owner.Log.FlushAsync();
        await rig.QuietAsync();
        Assert.False(flush.IsCompleted);
        syncs.SetResult();
        await flush;
        foreach (var node in rig.Nodes)
        {
            var synced = await node.Store.StatAsync((await append).Segment);
            Assert.Equal(synced.Length, synced.SyncedLength);
        }
    }

    [Fact]
    public async Task Append_Durable_IsOnTheDisksOfAllWhenAcknowledged()
    {
        await using var rig = await RigAsync();
        var owner = await RigOwner.TakeAsync(rig, rig.Nodes[0], Target);
        var place = await owner.AppendAsync(1, durable: true);
        foreach (var node in rig.Nodes)
        {
            var state = await node.Store.StatAsync(place.Segment);
            Assert.Equal((160L, 160L), (state.Length, state.SyncedLength));
        }
    }

    [Fact]
    public async Task HungReplica_IsLeftBehindAfterOneSecond_AndNothingIsAcknowledgedBeforeTheCommit()
    {
        await using var rig = await RigAsync(4);
        var owner = await RigOwner.TakeAsync(rig, rig.Nodes[0], Target);
        var first = await owner.AppendAsync(1);
        var hung = (await rig.GoodAsync(first.Segment.Value)).First(node => node != rig.Nodes[0]);
        using var hangs = rig.Network.Bend(call => call.To == hung.Self, RigNetwork.Hang);
        var commit = new TaskCompletionSource();
        rig.Nodes[0].Catalog.Bend = (kind, run) => kind == "write" ? Held(commit.Task, run) : null;

        var append = owner.AppendAsync(2);
        await rig.PassAsync(0.8 * Second);
        Assert.DoesNotContain(rig.Network.Sent, call => call.Name == "Seal");

        await rig.PassAsync(0.4 * Second);
        Assert.Equal(2, rig.Network.Sent.Count(call => call.Name == "Seal"));
        Assert.Single(await rig.SegmentsAsync(Target));
        Assert.Equal(3, rig.Network.Sent.Count(call => call.Name == "Create"));
        Assert.False(append.IsCompleted);

        commit.SetResult();
        var second = await rig.PassAsync(append);
        Assert.NotEqual(first.Segment, second.Segment);
        var rows = await rig.SegmentsAsync(Target);
        Assert.Equal([(SegmentRow.Sealed, 160L), (SegmentRow.Open, 0L)], rows.Select(row => (row.State, row.Length)));
        Assert.DoesNotContain(hung, await rig.GoodAsync(first.Segment.Value));
        Assert.DoesNotContain(hung, await rig.GoodAsync(second.Segment.Value));
        Assert.Equal(3, (await rig.GoodAsync(second.Segment.Value)).Count);
        // Frame 2 lay at the two that worked, beyond what was acknowledged: it went from there.
        Assert.Equal((160L, true), ((await rig.Nodes[0].Store.StatAsync(first.Segment)).Length, (await rig.Nodes[0].Store.StatAsync(first.Segment)).Sealed));
    }

    [Fact]
    public async Task HungNode_ThatMembershipDoesNotKnow_CostsANewSegmentOneSecond()
    {
        await using var rig = await RigAsync(4);
        var hung = rig.Nodes[3].Self;
        using var hangs = rig.Network.Bend(call => call.To == hung, RigNetwork.Hang);
        for (var number = 0; number < 8; number++)
        {
            var owner = await RigOwner.TakeAsync(rig, rig.Nodes[0], new ObjectId(ObjectKind.File, number));
            var start = rig.Time.GetTimestamp();
            var place = await rig.PassAsync(owner.AppendAsync(1));
            Assert.True(rig.Time.GetElapsedTime(start) < 1.5 * Second);
            Assert.DoesNotContain(rig[hung], await rig.GoodAsync(place.Segment.Value));
        }
    }

    [Fact]
    public async Task SlowSync_WithSignsOfProgress_IsWaitedFor()
    {
        await using var rig = await RigAsync();
        var owner = await RigOwner.TakeAsync(rig, rig.Nodes[0], Target);
        await owner.AppendAsync(1);
        var slow = rig.Nodes[2].Self;
        Task<FramePlace> append;
        using (rig.Network.Bend((call, delivery) => call.To == slow && call.Unsynced is { } unsynced ? StillAtIt(call, delivery, unsynced) : null))
        {
            append = owner.AppendAsync(2, durable: true);
            await rig.PassAsync(10 * Second);
            Assert.False(append.IsCompleted);
            Assert.Single(await rig.SegmentsAsync(Target));
        }
        await rig.PassAsync(append);
        Assert.Single(await rig.SegmentsAsync(Target));

        // As the service does when its disk takes longer than a sign is due.
        async Task StillAtIt(NodeCall call, Delivery delivery, Func<Task<ReplicaAnswer>> unsynced)
        {
            var due = Task.Delay(TimeSpan.FromMilliseconds(250), rig.Time); // tidy: the test's own clock
            var answer = await unsynced();
            await due;
            delivery.Answer = answer with { Outcome = ReplicaOutcome.InProgress, SyncedLength = 160 };
        }
    }

    [Fact]
    public async Task DeadNode_IsNotWaitedFor()
    {
        await using var rig = await RigAsync(4);
        var owner = await RigOwner.TakeAsync(rig, rig.Nodes[0], Target);
        var first = await owner.AppendAsync(1);
        var dead = (await rig.GoodAsync(first.Segment.Value)).First(node => node != rig.Nodes[0]);
        using var hangs = rig.Network.Bend(call => call.To == dead.Self, RigNetwork.Hang);
        dead.IsActive = false;
        var append = owner.AppendAsync(2);
        await rig.PassAsync(0.2 * Second);
        Assert.True(append.IsCompletedSuccessfully, "200 ms are enough for a death that membership knows");
        for (var number = 3; number < 8; number++)
        {
            var other = await RigOwner.TakeAsync(rig, rig.Nodes[0], new ObjectId(ObjectKind.File, number));
            Assert.DoesNotContain(dead, await rig.GoodAsync((await other.AppendAsync(1)).Segment.Value));
        }
    }

    [Fact]
    public async Task BelowTheMinimum_IsUnavailable_LosesNothing_AndGoesOnWhenNodesAreBack()
    {
        await using var rig = await RigAsync();
        var owner = await RigOwner.TakeAsync(rig, rig.Nodes[0], Target);
        await owner.AppendAsync([1, 2, 3]);
        rig.Nodes[1].Crash();
        rig.Nodes[2].Crash();
        var failure = await Assert.ThrowsAsync<DosException>(() => rig.PassAsync(owner.AppendAsync(4)));
        Assert.Equal(DosErrorCode.Unavailable, failure.Code);
        Assert.Equal(DosErrorCode.Unavailable, (await Assert.ThrowsAsync<DosException>(() => rig.PassAsync(owner.AppendAsync(5)))).Code);

        rig.Nodes[1].Restart();
        var again = await rig.PassAsync(owner.AppendAsync(6));
        Assert.Equal(2, (await rig.GoodAsync(again.Segment.Value)).Count);
        // What was sealed with one replica counts as two short.
        Assert.Equal(2 * 3 * 160, await rig.BelowTargetAsync());
        rig.Nodes[2].Restart();
        await rig.PassAsync(owner.Log.CloseAsync());
        // The node is back with its copy, but nobody confirmed its seal: it stays lost until it is filled up.
        Assert.Equal((2 * 3 * 160) + 160, await rig.BelowTargetAsync());
        Assert.Equal([1, 2, 3, 6], (await RigOwner.TakeAsync(rig, rig.Nodes[1], Target)).Found);
    }

    [Fact]
    public async Task Move_UnderAnOldEpoch_IsRefusedByTheCatalog_AndEndsTheOwner()
    {
        await using var rig = await RigAsync();
        var owner = await RigOwner.TakeAsync(rig, rig.Nodes[0], Target);
        await owner.AppendAsync(1);
        await rig.OwnAsync(Target);
        using var hangs = rig.Network.Bend(call => call.To == rig.Nodes[2].Self, RigNetwork.Hang);
        var failure = await Assert.ThrowsAsync<DosException>(() => rig.PassAsync(owner.AppendAsync(2)));
        Assert.Equal(DosErrorCode.Stale, failure.Code);
        Assert.Equal(DosErrorCode.Stale, (await Assert.ThrowsAsync<DosException>(() => owner.AppendAsync(3))).Code);
        Assert.Equal([(SegmentRow.Open, 1L)], (await rig.SegmentsAsync(Target)).Select(row => (row.State, row.Epoch)));
    }

    [Fact]
    public async Task Unsynced_AtMostSixteenMebibytes()
    {
        await using var rig = await RigAsync();
        var owner = await RigOwner.TakeAsync(rig, rig.Nodes[0], Target);
        var gate = new TaskCompletionSource();
        var slow = rig.Nodes[2].Self;
        using var held = rig.Network.Bend(call => call.Name == "Sync" && call.To == slow, async delivery =>
        {
            await gate.Task;
            await delivery.RunAsync();
        });
        var frames = Enumerable.Range(0, 80).Select(number => owner.AppendAsync(number, durable: false, Limits.FramePayloadBytesMax)).ToList();
        await SegmentRig.UntilAsync(() => frames.Count(frame => frame.IsCompleted) >= Limits.UnsyncedBytesMax / FrameCodec.FrameBytesMax);
        await rig.QuietAsync();
        var segment = (await frames[0]).Segment;
        var unsynced = await rig.Nodes[2].Store.StatAsync(segment);
        Assert.InRange(unsynced.Length - unsynced.SyncedLength, Limits.UnsyncedBytesMax - FrameCodec.FrameBytesMax, Limits.UnsyncedBytesMax);
        Assert.Equal(unsynced.Length / FrameCodec.FrameBytesMax, frames.Count(frame => frame.IsCompleted));
        gate.SetResult();
        await Task.WhenAll(frames);
    }

    [Fact]
    public async Task NoSpace_AtOneDisk_IsLeftBehind_AtAll_IsTold()
    {
        await using var rig = await RigAsync(4);
        var owner = await RigOwner.TakeAsync(rig, rig.Nodes[0], Target);
        var first = await owner.AppendAsync(1);
        var full = (await rig.GoodAsync(first.Segment.Value))[^1].Self;
        Task Full(Delivery delivery)
        {
            delivery.Answer = new ReplicaAnswer { Outcome = ReplicaOutcome.NoSpace };
            return Task.CompletedTask;
        }
        using (rig.Network.Bend(call => call.Name is "Append" or "Seal" && call.To == full, Full))
        {
            var second = await rig.PassAsync(owner.AppendAsync(2));
            Assert.DoesNotContain(rig[full], await rig.GoodAsync(second.Segment.Value));
        }
        using (rig.Network.Bend(call => call.Name is "Append" or "Seal", Full))
        {
            Assert.Equal(DosErrorCode.NoSpace, (await Assert.ThrowsAsync<DosException>(() => rig.PassAsync(owner.AppendAsync(3)))).Code);
        }
        Assert.Equal([1, 2], (await RigOwner.TakeAsync(rig, rig.Nodes[0], Target)).Found);
    }

    [Fact]
    public async Task CommitOfAMove_WhoseAnswerIsLost_LeavesNoOpenSegmentBehind()
    {
        await using var rig = await RigAsync();
        var owner = await RigOwner.TakeAsync(rig, rig.Nodes[0], Target);
        rig.Nodes[0].Catalog.Bend = (kind, run) => kind == "write" ? Lost(run) : null;
        var failure = await Assert.ThrowsAsync<DosException>(() => owner.AppendAsync(1));
        Assert.Equal(DosErrorCode.OutcomeUnknown, failure.Code);
        rig.Nodes[0].Catalog.Bend = null;
        var place = await rig.PassAsync(owner.AppendAsync(2));
        // Nobody could tell what the first one holds while one of its nodes is away.
        Assert.Equal([place.Segment.Value], (await rig.SegmentsAsync(Target)).Select(row => row.SegmentId));

        static async Task Lost(Func<Task> run)
        {
            await run();
            throw new DosException(DosErrorCode.OutcomeUnknown, "the commit's answer was lost");
        }
    }

    [Fact]
    public async Task Close_AfterAFailure_RecordsWhatWasSealed()
    {
        await using var rig = await RigAsync();
        var owner = await RigOwner.TakeAsync(rig, rig.Nodes[0], Target);
        await owner.AppendAsync(1);
        rig.Nodes[1].Crash();
        rig.Nodes[2].Crash();
        await Assert.ThrowsAsync<DosException>(() => rig.PassAsync(owner.AppendAsync(2)));
        await rig.PassAsync(owner.Log.CloseAsync());
        Assert.Equal([(SegmentRow.Sealed, 160L)], (await rig.SegmentsAsync(Target)).Select(row => (row.State, row.Length)));
    }

    [Fact]
    public async Task Close_WhileItMovesOn_LeavesNoOpenSegment()
    {
        await using var rig = await RigAsync(4);
        var owner = await RigOwner.TakeAsync(rig, rig.Nodes[0], Target);
        var first = await owner.AppendAsync(1, durable: false);
        var hung = (await rig.GoodAsync(first.Segment.Value))[^1].Self;
        using var hangs = rig.Network.Bend(call => call.To == hung, RigNetwork.Hang);
        var flush = owner.Log.FlushAsync();
        var commit = new TaskCompletionSource();
        rig.Nodes[0].Catalog.Bend = (kind, run) => kind == "write" ? Held(commit.Task, run) : null;
        await rig.PassAsync(flush);
        var close = owner.Log.CloseAsync();
        commit.SetResult();
        await rig.PassAsync(close);
        Assert.DoesNotContain(await rig.SegmentsAsync(Target), row => row.State == SegmentRow.Open);
    }

    private static async Task Held(Task gate, Func<Task> run)
    {
        await gate;
        await run();
    }
}

public sealed class SqliteReplicatedLogTests : ReplicatedLogTests
{
    protected override Task<TestDatabase> NewDatabaseAsync() => Task.FromResult<TestDatabase>(new SqliteTestDatabase());
}

public sealed class PostgresReplicatedLogTests(SharedPostgres shared) : ReplicatedLogTests
{
    protected override async Task<TestDatabase> NewDatabaseAsync() => await PostgresTestDatabase.CreateAsync(await shared.ServerAsync());
}
