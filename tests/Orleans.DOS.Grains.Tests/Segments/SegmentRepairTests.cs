using Orleans.DOS.Catalog;
using Orleans.DOS.Segments;

namespace Orleans.DOS.Grains.Tests.Segments;

/// <summary>What was written with too few replicas is filled up; what nothing refers to is collected.</summary>
public sealed class SegmentRepairTests
{
    private static readonly ObjectId Target = new(ObjectKind.File, 5);
    private static readonly TimeSpan Grace = TimeSpan.FromSeconds(30);

    private static Task<SegmentRig> RigAsync(int nodes = 3) => SegmentRig.StartAsync(new SqliteTestDatabase(), nodes);

    [Fact]
    public async Task FillUp_AfterTheGraceTime_CopiesToALiveNode_UntilTheTargetIsMet()
    {
        await using var rig = await RigAsync(4);
        var (owner, segment) = await WriteAsync(rig);
        var dead = (await rig.GoodAsync(segment.Value)).First(node => node != rig.Nodes[0]);
        dead.Crash();
        Assert.Equal(3 * 160, await rig.BelowTargetAsync());
        using var repair = rig.Nodes[0].NewRepair();
        await repair.FillUpAsync(CancellationToken.None);
        await rig.PassAsync(Grace / 2);
        await repair.FillUpAsync(CancellationToken.None);
        Assert.Equal(3 * 160, await rig.BelowTargetAsync());

        await rig.PassAsync(Grace);
        await repair.FillUpAsync(CancellationToken.None);
        Assert.Equal(0, await rig.BelowTargetAsync());
        Assert.Equal(0, await SegmentRepair.BytesBelowTargetAsync(rig.Rows, rig.Nodes[0]));
        await AssertSameAsync(rig, segment, owner.Epoch);
    }

    [Fact]
    public async Task FillUp_WhileANodeIsAwayForLessThanTheGrace_CopiesNothing()
    {
        await using var rig = await RigAsync(4);
        var (_, segment) = await WriteAsync(rig);
        var away = (await rig.GoodAsync(segment.Value))[^1];
        using var repair = rig.Nodes[0].NewRepair();
        away.Crash();
        await repair.FillUpAsync(CancellationToken.None);
        away.Restart();
        await rig.PassAsync(2 * Grace);
        await repair.FillUpAsync(CancellationToken.None);
        Assert.DoesNotContain(rig.Network.Sent, call => call.Name == "CopyFrom");
        Assert.Equal(0, await rig.BelowTargetAsync());
    }

    [Fact]
    public async Task FillUp_OfWhatWasWrittenWithTooFewNodes_WaitsForNobody()
    {
        await using var rig = await RigAsync();
        var late = rig.Nodes[2];
        late.Crash();
        var (owner, segment) = await WriteAsync(rig);
        using var repair = rig.Nodes[0].NewRepair();
        await repair.FillUpAsync(CancellationToken.None);
        Assert.Equal(3 * 160, await rig.BelowTargetAsync());
        late.Restart();
        await repair.FillUpAsync(CancellationToken.None);
        Assert.Equal(0, await rig.BelowTargetAsync());
        await AssertSameAsync(rig, segment, owner.Epoch);
    }

    [Fact]
    public async Task Replica_GivenUpWhileItsNodeWasAway_IsTakenBackAtOnce()
    {
        await using var rig = await RigAsync();
        var owner = await RigOwner.TakeAsync(rig, rig.Nodes[0], Target);
        var segment = (await owner.AppendAsync(1)).Segment;
        var away = rig.Nodes[2];
        away.Crash();
        // Seals the segment without it and goes on in another one.
        await rig.PassAsync(owner.AppendAsync(2));
        Assert.DoesNotContain(away, await rig.GoodAsync(segment.Value));
        using var repair = rig.Nodes[0].NewRepair();
        await repair.FillUpAsync(CancellationToken.None);
        away.Restart();
        await repair.FillUpAsync(CancellationToken.None);
        Assert.Contains(away, await rig.GoodAsync(segment.Value));
        Assert.Equal(0, await rig.BelowTargetAsync());
    }

    /// <summary>A node that was frozen gets, late, a frame beyond the length at which the others were sealed.</summary>
    [Fact]
    public async Task FillUp_OfAReplicaThatIsTooLong_CutsIt()
    {
        await using var rig = await RigAsync();
        var owner = await RigOwner.TakeAsync(rig, rig.Nodes[0], Target);
        var segment = (await owner.AppendAsync(1)).Segment;
        var thaw = new TaskCompletionSource();
        using (rig.Network.Bend(call => call.To == rig.Nodes[2].Self, async delivery =>
        {
            await thaw.Task;
            await delivery.RunAsync();
        }))
        {
            await rig.PassAsync(owner.AppendAsync(2));
            thaw.SetResult();
            await rig.QuietAsync();
        }
        Assert.Equal(2 * 160, (await rig.Nodes[2].Store.StatAsync(segment)).Length);
        await rig.PassAsync(owner.Log.CloseAsync());
        await FillUpAsync(rig);
        Assert.Equal(0, await rig.BelowTargetAsync());
        await AssertSameAsync(rig, segment, owner.Epoch);
    }

    [Fact]
    public async Task FillUp_FromASourceThatCannotBeRead_TakesTheOther()
    {
        await using var rig = await RigAsync(4);
        var (owner, segment) = await WriteAsync(rig);
        var replicas = await rig.GoodAsync(segment.Value);
        var (rotten, dead) = (replicas[0], replicas[2]);
        dead.Crash();
        rotten.Crash(damage: directory =>
        {
            // The journal would heal it.
            Array.ForEach(Directory.GetFiles(directory, "journal-*"), File.Delete);
            using var file = File.Open(Directory.GetFiles(directory, "*.seg", SearchOption.AllDirectories).Single(), FileMode.Open);
            file.Position = 4096 + 120;
            file.WriteByte(0xee);
        });
        rotten.Restart();
        await FillUpAsync(rig);
        Assert.Equal(0, await rig.BelowTargetAsync());
        var filled = (await rig.GoodAsync(segment.Value)).Single(node => !replicas.Contains(node));
        Assert.Equal(3 * 160, (await filled.Store.ReadAsync(segment, 0, 1 << 20)).Frames.Length);
        Assert.Equal([1, 2, 3], (await RigOwner.TakeAsync(rig, rig.Nodes[0], Target)).Found);
        Assert.True(owner.Epoch > 0);
    }

    /// <summary>The copy ends after nobody waits for it any more: its bytes are there, and somebody must know of them.</summary>
    [Fact]
    public async Task FillUp_WhoseAnswerIsLost_IsKnownToTheCollector()
    {
        await using var rig = await RigAsync(4);
        var (_, segment) = await WriteAsync(rig);
        var replicas = await rig.GoodAsync(segment.Value);
        var spare = rig.Nodes.Single(node => !replicas.Contains(node));
        replicas.First(node => node != rig.Nodes[0]).Crash();
        using (rig.Network.Bend(call => call.Name == "CopyFrom", RigNetwork.LoseAnswer))
        {
            await FillUpAsync(rig);
        }
        Assert.Contains(segment.Value, spare.Store.Segments);
        Assert.DoesNotContain(spare, await rig.GoodAsync(segment.Value));
        await rig.Rows.WriteAsync(async session =>
        {
            await rig.Nodes[0].Logs.ReleaseAsync(session, [segment]);
            return true;
        });
        await rig.PassAsync(TimeSpan.FromMinutes(2.1));
        using var repair = rig.Nodes[0].NewRepair();
        await repair.CollectAsync(CancellationToken.None);
        Assert.DoesNotContain(segment.Value, spare.Store.Segments);
    }

    [Fact]
    public async Task WipedDisk_IsBelowTarget_AndFilledUp()
    {
        await using var rig = await RigAsync();
        var (owner, segment) = await WriteAsync(rig);
        rig.Nodes[2].Wipe();
        rig.Nodes[2].Restart();
        await rig.RegisterAsync(rig.Nodes[2]);
        Assert.Equal(3 * 160, await rig.BelowTargetAsync());
        Assert.Equal(3 * 160, await SegmentRepair.BytesBelowTargetAsync(rig.Rows, rig.Nodes[0]));
        await FillUpAsync(rig);
        Assert.Equal(0, await rig.BelowTargetAsync());
        await AssertSameAsync(rig, segment, owner.Epoch);
    }

    [Fact]
    public async Task FillUp_AfterATakeover_UsesItsEpoch()
    {
        await using var rig = await RigAsync();
        var old = await RigOwner.TakeAsync(rig, rig.Nodes[0], Target);
        var segment = (await old.AppendAsync([1, 2, 3]))[0].Segment;
        rig.Nodes[2].Crash();
        var owner = await RigOwner.TakeAsync(rig, rig.Nodes[1], Target);
        rig.Nodes[2].Restart();
        await FillUpAsync(rig);
        Assert.Equal(0, await rig.BelowTargetAsync());
        await AssertSameAsync(rig, segment, owner.Epoch);
    }

    [Fact]
    public async Task Collect_DeletesFilesThenRows_AfterASafeAge_AndWaitsForNodesThatAreAway()
    {
        await using var rig = await RigAsync();
        var (_, segment) = await WriteAsync(rig);
        await rig.Rows.WriteAsync(async session =>
        {
            await rig.Nodes[0].Logs.ReleaseAsync(session, [segment]);
            return true;
        });
        using var repair = rig.Nodes[0].NewRepair();
        await repair.CollectAsync(CancellationToken.None);
        Assert.All(rig.Nodes, node => Assert.Contains(segment.Value, node.Store.Segments));

        await rig.PassAsync(TimeSpan.FromMinutes(2.1));
        rig.Nodes[2].Crash();
        await repair.CollectAsync(CancellationToken.None);
        Assert.DoesNotContain(segment.Value, rig.Nodes[0].Store.Segments);
        Assert.Equal(1, await CountAsync(rig));
        rig.Nodes[2].Restart();
        await repair.CollectAsync(CancellationToken.None);
        Assert.DoesNotContain(segment.Value, rig.Nodes[2].Store.Segments);
        Assert.Equal(0, await CountAsync(rig));
    }

    /// <summary>The last good replica is away, but one that was given up has every frame: it is read, believed, and the others are filled from it.</summary>
    [Fact]
    public async Task FillUp_WhenTheOnlyGoodReplicaIsAway_BelievesAGivenUpOneThatIsWhole()
    {
        await using var rig = await RigAsync(4);
        var (owner, segment) = await WriteAsync(rig);
        var replicas = await rig.GoodAsync(segment.Value);
        await rig.Rows.WriteAsync(session => session.ExecuteAsync(
            "UPDATE dos_segment_replicas SET state = 2 WHERE segment_id = @segment AND node_id <> @node", new { segment = segment.Value, node = replicas[2].Self.Value }));
        replicas[2].Crash();
        await FillUpAsync(rig);
        Assert.Equal(0, await rig.BelowTargetAsync());
        replicas[2].Restart();
        Assert.True((await rig.GoodAsync(segment.Value)).Count >= 3);
        Assert.All(await rig.GoodAsync(segment.Value), node => Assert.Equal(3 * 160, node.Store.ReadAsync(segment, 0, 1 << 20).Result.Frames.Length));
        Assert.NotNull(owner);
    }

    [Fact]
    public async Task GivenUpReplica_ThatIsNotNeeded_GoesWithItsFile_WhenItsNodeIsHere()
    {
        await using var rig = await RigAsync(4);
        var (_, segment) = await WriteAsync(rig);
        var replicas = await rig.GoodAsync(segment.Value);
        var away = replicas.First(node => node != rig.Nodes[0]);
        away.Crash();
        await FillUpAsync(rig);
        await rig.Rows.WriteAsync(session => session.ExecuteAsync(
            "UPDATE dos_segment_replicas SET state = 2 WHERE segment_id = @segment AND node_id = @node", new { segment = segment.Value, node = away.Self.Value }));
        using var repair = rig.Nodes[0].NewRepair();
        await repair.DropSurplusAsync(CancellationToken.None);
        away.Restart();
        Assert.Contains(segment.Value, away.Store.Segments);

        await repair.DropSurplusAsync(CancellationToken.None);
        Assert.DoesNotContain(segment.Value, away.Store.Segments);
        Assert.DoesNotContain(away, await rig.GoodAsync(segment.Value));
        Assert.Equal(3, (await rig.Rows.ReadAsync(session => SegmentRows.ReplicasAsync(session, segment.Value))).Count);
    }

    [Fact]
    public async Task RottenReplica_IsFoundByTheScrubber_GivenUp_AndCopiedAnew()
    {
        await using var rig = await RigAsync();
        var (owner, segment) = await WriteAsync(rig);
        var rotten = rig.Nodes[1];
        rotten.Crash(damage: directory => Rot(directory, 4096 + 160 + 120));
        rotten.Restart();
        using var scrubber = rotten.NewScrubber();
        Assert.Equal(0, await rig.PassAsync(scrubber.ScrubPageAsync(0, CancellationToken.None)));
        Assert.DoesNotContain(rotten, await rig.GoodAsync(segment.Value));
        Assert.True((await rotten.Store.StatAsync(segment)).Rotten);

        await FillUpAsync(rig);
        Assert.Equal(0, await rig.BelowTargetAsync());
        await AssertSameAsync(rig, segment, owner.Epoch);
        await rig.PassAsync(scrubber.ScrubPageAsync(0, CancellationToken.None));
        Assert.Contains(rotten, await rig.GoodAsync(segment.Value));
    }

    [Fact]
    public async Task RottenReplica_ThatIsTheLast_IsKept()
    {
        await using var rig = await RigAsync();
        var (_, segment) = await WriteAsync(rig);
        await rig.Rows.WriteAsync(session => session.ExecuteAsync("DELETE FROM dos_segment_replicas WHERE segment_id = @segment AND node_id <> 'n-2'", new { segment = segment.Value }));
        rig.Nodes[1].Crash(damage: directory => Rot(directory, 4096 + 160 + 120));
        rig.Nodes[1].Restart();
        using var scrubber = rig.Nodes[1].NewScrubber();
        await rig.PassAsync(scrubber.ScrubPageAsync(0, CancellationToken.None));
        Assert.Equal([rig.Nodes[1]], await rig.GoodAsync(segment.Value));
        Assert.Equal(160, (await rig.Nodes[1].Store.ReadAsync(segment, 0, 160)).Frames.Length);
    }

    [Fact]
    public async Task FileThatNoRowNames_IsSwept_OneThatARowNamesIsNot()
    {
        await using var rig = await RigAsync();
        var (_, segment) = await WriteAsync(rig);
        var stray = new SegmentId(4711);
        await rig.Nodes[1].Store.CreateAsync(new SegmentHeader { Segment = stray, Object = Target, Epoch = 1, Disk = rig.Nodes[1].Store.Id });
        using var scrubber = rig.Nodes[1].NewScrubber();
        await rig.PassAsync(scrubber.SweepAsync(CancellationToken.None));
        Assert.Equal([segment.Value], rig.Nodes[1].Store.Segments);
    }

    /// <summary>A byte of the only segment's file changes, long after the journal that would have healed it has gone.</summary>
    private static void Rot(string directory, long at)
    {
        Array.ForEach(Directory.GetFiles(directory, "journal-*"), File.Delete);
        using var file = File.Open(Directory.GetFiles(directory, "*.seg", SearchOption.AllDirectories).Single(), FileMode.Open);
        file.Position = at;
        var old = file.ReadByte();
        file.Position = at;
        file.WriteByte((byte)(old ^ 0x40));
    }

    private static async Task<(RigOwner Owner, SegmentId Segment)> WriteAsync(SegmentRig rig)
    {
        var owner = await RigOwner.TakeAsync(rig, rig.Nodes[0], Target);
        var places = await owner.AppendAsync([1, 2, 3]);
        await rig.PassAsync(owner.Log.CloseAsync());
        return (owner, places[0].Segment);
    }

    private static async Task FillUpAsync(SegmentRig rig)
    {
        using var repair = rig.Nodes[0].NewRepair();
        await repair.FillUpAsync(CancellationToken.None);
        await rig.PassAsync(1.1 * Grace);
        await rig.PassAsync(repair.FillUpAsync(CancellationToken.None));
    }

    /// <summary>All good replicas are sealed, undamaged, on disk, and hold the same bytes.</summary>
    private static async Task AssertSameAsync(SegmentRig rig, SegmentId segment, long epoch)
    {
        var row = Assert.Single(await rig.SegmentsAsync(Target), row => row.SegmentId == segment.Value);
        byte[]? bytes = null;
        var good = (await rig.GoodAsync(segment.Value)).Distinct().Where(node => node.IsActive).ToList();
        Assert.Equal(3, good.Count);
        foreach (var node in good)
        {
            var chunk = await node.Store.ReadAsync(segment, 0, 1 << 20);
            Assert.Equal((row.Length, true, false), (chunk.Answer.SyncedLength, chunk.Answer.Sealed, chunk.Answer.Damaged));
            Assert.True(chunk.Answer.Epoch >= row.Epoch && chunk.Answer.Epoch <= epoch);
            Assert.Equal(row.Length, chunk.Frames.Length);
            Assert.Equal(bytes ??= chunk.Frames, chunk.Frames);
        }
    }

    private static Task<long> CountAsync(SegmentRig rig) => rig.Rows.ReadAsync(session => session.QueryFirstAsync<long>("SELECT count(*) FROM dos_segments"));
}
