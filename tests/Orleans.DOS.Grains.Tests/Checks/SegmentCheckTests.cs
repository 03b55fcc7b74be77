using Orleans.DOS.Catalog;
using Orleans.DOS.Checks;
using Orleans.DOS.Grains.Tests.Segments;
using Orleans.DOS.Segments;
using Xunit;

namespace Orleans.DOS.Grains.Tests.Checks;

public sealed class SqliteSegmentCheckTests : SegmentCheckTests
{
    protected override Task<TestDatabase> NewDatabaseAsync() => Task.FromResult<TestDatabase>(new SqliteTestDatabase());
}

public sealed class PostgresSegmentCheckTests(SharedPostgres shared) : SegmentCheckTests
{
    protected override async Task<TestDatabase> NewDatabaseAsync() => await PostgresTestDatabase.CreateAsync(await shared.ServerAsync());
}

/// <summary>Damage is planted on real disks and in a real catalog: each kind is found, and what can be mended without loss is.</summary>
public abstract class SegmentCheckTests
{
    private static readonly ObjectId Target = new(ObjectKind.File, 5);
    private static readonly CheckOptions Look = new(), LookDeep = new() { Deep = true }, Mend = new() { Mend = true }, MendDeep = new() { Deep = true, Mend = true };
    private static readonly TimeSpan Grace = TimeSpan.FromSeconds(31);

    protected abstract Task<TestDatabase> NewDatabaseAsync();

    [Fact]
    public async Task Whole_IsToldAsNothing_AndDeepReadsEveryByteOfEveryReplica()
    {
        await using var rig = await RigAsync();
        await WriteAsync(rig);
        var (findings, sums) = await CheckAsync(rig, LookDeep);
        Assert.Empty(findings);
        Assert.Equal((1, 3, 3 * 3 * 160), (sums.Segments, sums.Replicas, sums.BytesRead));
        Assert.Equal(0, (await CheckAsync(rig, Look)).Sums.BytesRead);
    }

    [Fact]
    public async Task MissingReplica_IsFound_AndCopiedAnew()
    {
        await using var rig = await RigAsync();
        var segment = await WriteAsync(rig);
        await rig.Nodes[1].Store.DeleteAsync(segment);
        await FoundAndMendedAsync(rig, Look, Mend, FindingKind.Missing, rig.Nodes[1]);
    }

    [Fact]
    public async Task ShortReplica_IsFound_AndCopiedAnew()
    {
        await using var rig = await RigAsync();
        await WriteAsync(rig);
        Damage(rig.Nodes[1], file => file.SetLength(4096 + 160));
        await FoundAndMendedAsync(rig, Look, Mend, FindingKind.Short, rig.Nodes[1]);
    }

    [Fact]
    public async Task RottenReplica_IsFoundByADeepLook_AndCopiedAnew()
    {
        await using var rig = await RigAsync();
        await WriteAsync(rig);
        Damage(rig.Nodes[1], Rot);
        Assert.Empty((await CheckAsync(rig, Look)).Findings);
        await FoundAndMendedAsync(rig, LookDeep, MendDeep, FindingKind.Rotten, rig.Nodes[1]);
    }

    [Fact]
    public async Task WipedDisk_IsFound_AndFilledAgain()
    {
        await using var rig = await RigAsync();
        await WriteAsync(rig);
        rig.Nodes[1].Wipe();
        rig.Nodes[1].Restart();
        await rig.RegisterAsync(rig.Nodes[1]);
        await FoundAndMendedAsync(rig, Look, Mend, FindingKind.OtherDisk, rig.Nodes[1]);
    }

    /// <summary>The one that is left may be all there is: nothing is given up for it, and the path of the file is told.</summary>
    [Fact]
    public async Task LastReplica_ThatIsBad_IsTold_AndKept()
    {
        await using var rig = await RigAsync();
        var segment = await WriteAsync(rig);
        foreach (var node in rig.Nodes)
        {
            Damage(node, Rot);
        }
        var (findings, _) = await CheckAsync(rig, MendDeep);
        Assert.Equal(3, findings.Count(finding => finding is { Kind: FindingKind.Rotten, Mend: MendState.NotPossible, Path: "/five" }));
        var lost = Assert.Single(findings, finding => finding.Kind == FindingKind.Lost);
        Assert.Equal((MendState.NotPossible, "/five", 480), (lost.Mend, lost.Path, lost.Bytes));
        Assert.Equal(3, (await rig.GoodAsync(segment.Value)).Count);
    }

    [Fact]
    public async Task NodesThatAreAway_AreTold_AndNeverTakenForGoodOrBad()
    {
        await using var rig = await RigAsync();
        var segment = await WriteAsync(rig);
        rig.Nodes[2].Crash();
        var (one, _) = await CheckAsync(rig, Mend);
        Assert.Contains("n-3 is away", Assert.Single(one, finding => finding.Kind == FindingKind.BelowTarget).Text, StringComparison.Ordinal);
        Assert.Equal("n-3", Assert.Single(one, finding => finding.Kind == FindingKind.NotChecked).Node?.Value);
        await rig.Nodes[0].Store.DeleteAsync(segment);
        rig.Nodes[1].Crash();
        var (two, _) = await CheckAsync(rig, Mend);
        Assert.Equal((MendState.NotPossible, "/five"), Assert.Single(two, finding => finding.Kind == FindingKind.Away) is var away ? (away.Mend, away.Path) : default);
        Assert.DoesNotContain(two, finding => finding.Kind == FindingKind.Lost);
        // The one that is known to be bad is kept in the catalog, too: no other is known to be good.
        Assert.Equal(3, (await rig.GoodAsync(segment.Value)).Count);
    }

    [Fact]
    public async Task UnnamedFile_AndSegmentsOfNoFile_AreFoundAndDeleted()
    {
        await using var rig = await RigAsync();
        var segment = await WriteAsync(rig);
        var leftover = new SegmentId(777);
        await rig.Nodes[1].Store.CreateAsync(new SegmentHeader { Segment = leftover, Object = Target, Epoch = 1, Disk = rig.Nodes[1].Disk });
        await rig.Rows.WriteAsync(session => session.ExecuteAsync("DELETE FROM dos_inodes WHERE inode_id = 5"));
        var (seen, _) = await CheckAsync(rig, Look);
        Assert.Equal([FindingKind.Unnamed, FindingKind.Orphan], seen.Select(finding => finding.Kind).OrderBy(kind => kind));
        Assert.Contains(777, rig.Nodes[1].Store.Segments);

        var (mended, _) = await CheckAsync(rig, Mend);
        Assert.All(mended, finding => Assert.Equal(MendState.Done, finding.Mend));
        Assert.Equal(2, mended.Count);
        Assert.DoesNotContain(777, rig.Nodes[1].Store.Segments);
        Assert.Empty((await CheckAsync(rig, Look)).Findings);
        await rig.PassAsync(TimeSpan.FromMinutes(2.1));
        using var repair = rig.Nodes[0].NewRepair();
        await repair.CollectAsync(CancellationToken.None);
        Assert.DoesNotContain(segment.Value, rig.Nodes[0].Store.Segments);
    }

    /// <summary>Of a file that is being written, what is on disk is read too. It is mended when its owner has sealed it, and only then.</summary>
    [Fact]
    public async Task RotInAnOpenSegment_IsFound_AndMendedByClosingTheFile()
    {
        await using var rig = await RigAsync();
        var owner = await RigOwner.TakeAsync(rig, rig.Nodes[0], Target);
        var segment = (await owner.AppendAsync([1, 2, 3]))[0].Segment;
        await rig.PassAsync(owner.Log.FlushAsync());
        await rig.PassAsync(TimeSpan.FromMinutes(3));
        var (whole, sums) = await CheckAsync(rig, LookDeep);
        Assert.Empty(whole);
        Assert.Equal(3 * 3 * 160, sums.BytesRead);

        Damage(rig.Nodes[1], Rot);
        var found = Assert.Single((await CheckAsync(rig, LookDeep)).Findings);
        Assert.Equal((FindingKind.Rotten, rig.Nodes[1].Self), (found.Kind, found.Node));
        Assert.Equal(MendState.NotPossible, Assert.Single((await CheckAsync(rig, MendDeep)).Findings).Mend);
        Assert.Equal(3, (await rig.GoodAsync(segment.Value)).Count);

        var (mended, _) = await CheckAsync(rig, MendDeep, async file =>
        {
            Assert.Equal(Target, ObjectId.File(file));
            await rig.PassAsync(owner.Log.CloseAsync());
        });
        Assert.Equal((FindingKind.Rotten, MendState.Started), Assert.Single(mended) is var one ? (one.Kind, one.Mend) : default);
        Assert.DoesNotContain(rig.Nodes[1], await rig.GoodAsync(segment.Value));
    }

    /// <summary>What is deleted while the disks are asked is no finding, nor what is just being made.</summary>
    [Fact]
    public async Task WhatChangesMeanwhile_IsNoFinding()
    {
        await using var rig = await RigAsync();
        var segment = await WriteAsync(rig);
        var asked = 0;
        using (rig.Network.Bend(call => call.Name == "Stat", async delivery =>
        {
            if (Interlocked.Increment(ref asked) == 1)
            {
                await rig.Rows.WriteAsync(session => session.ExecuteAsync("UPDATE dos_segments SET state = 3 WHERE segment_id = @segment", new { segment = segment.Value }));
                foreach (var node in rig.Nodes)
                {
                    await node.Store.DeleteAsync(segment);
                }
            }
            await delivery.RunAsync();
        }))
        {
            Assert.Empty((await CheckAsync(rig, Look)).Findings);
        }
        Assert.True(asked > 0);
        // Named, and not made yet: on no disk.
        await rig.Rows.WriteAsync(session => session.ExecuteAsync(
            "INSERT INTO dos_segments(segment_id, object, epoch, state, length, replicas_wanted, created_at) VALUES (900, 'file:5', 9, 1, 0, 3, @now)",
            new { now = CatalogTime.From(rig.Time.GetUtcNow()) }));
        await rig.Rows.WriteAsync(session => session.ExecuteAsync(
            "INSERT INTO dos_segment_replicas(segment_id, disk_id, node_id, state) SELECT 900, disk_id, node_id, 1 FROM dos_nodes"));
        Assert.Empty((await CheckAsync(rig, Look)).Findings);
        await rig.PassAsync(TimeSpan.FromMinutes(3));
        Assert.Equal(
            [FindingKind.Missing, FindingKind.Missing, FindingKind.Missing, FindingKind.Lost], (await CheckAsync(rig, Look)).Findings.Select(finding => finding.Kind).Order());
    }

    private static async Task FoundAndMendedAsync(SegmentRig rig, CheckOptions look, CheckOptions mend, FindingKind kind, RigNode node)
    {
        var found = Assert.Single((await CheckAsync(rig, look)).Findings);
        Assert.Equal((kind, node.Self, "/five", MendState.None), (found.Kind, found.Node, found.Path, found.Mend));
        Assert.Equal(3, await CountGoodAsync(rig));
        Assert.Equal(MendState.Started, Assert.Single((await CheckAsync(rig, mend)).Findings).Mend);

        using var repair = rig.Nodes[0].NewRepair();
        await repair.FillUpAsync(CancellationToken.None);
        await rig.PassAsync(Grace);
        await repair.FillUpAsync(CancellationToken.None);
        var (left, sums) = await CheckAsync(rig, look with { Deep = true });
        Assert.Empty(left);
        Assert.Equal(3 * 3 * 160, sums.BytesRead);
    }

    private static async Task<long> CountGoodAsync(SegmentRig rig) =>
        await rig.Rows.ReadAsync(session => session.QueryFirstAsync<long>("SELECT count(*) FROM dos_segment_replicas WHERE state = 1"));

    /// <summary>The stages of segments and disks, step by step, by the first node.</summary>
    private static async Task<(List<Finding> Findings, CheckStep Sums)> CheckAsync(SegmentRig rig, CheckOptions options, Func<InodeId, Task>? close = null)
    {
        var node = rig.Nodes[0];
        var (segments, disks) = (new SegmentCheck(node.Catalog, node, node.Clients, rig.Time), new DiskCheck(node.Catalog, node.Clients, rig.Time));
        var run = new CheckRun(node.Catalog, options, close ?? (_ => Task.CompletedTask));
        CheckCursor? at = CheckCursor.Of(CheckStage.Segments);
        while (at is not null)
        {
            // Told to a client and back between two steps.
            var now = CheckCursor.Parse(at.Value.ToString());
            at = await rig.PassAsync(now.Stage == CheckStage.Segments ? segments.StepAsync(run, now) : disks.StepAsync(run, now)) ?? now.NextStage;
        }
        var step = run.Step(null);
        return ([.. step.Findings], step);
    }

    private async Task<SegmentRig> RigAsync()
    {
        var rig = await SegmentRig.StartAsync(await NewDatabaseAsync());
        await rig.Rows.WriteAsync(session => session.ExecuteAsync(
            "INSERT INTO dos_inodes(inode_id, machine_id, kind, mode, uid, gid, nlink, size, atime, mtime, ctime, btime, replicas, version) "
            + "VALUES (5, 1, 1, 0, 0, 0, 1, 480, 0, 0, 0, 0, 3, 1)"));
        await rig.Rows.WriteAsync(session => session.ExecuteAsync("INSERT INTO dos_entries(parent_id, name, inode_id) VALUES (1, 'five', 5)"));
        return rig;
    }

    /// <summary>Three frames on three disks, sealed.</summary>
    private static async Task<SegmentId> WriteAsync(SegmentRig rig)
    {
        var owner = await RigOwner.TakeAsync(rig, rig.Nodes[0], Target);
        var places = await owner.AppendAsync([1, 2, 3]);
        await rig.PassAsync(owner.Log.CloseAsync());
        return places[0].Segment;
    }

    /// <summary>To the only segment on the node's disk, long after the journal that would have healed it has gone.</summary>
    private static void Damage(RigNode node, Action<FileStream> damage)
    {
        node.Crash(damage: directory =>
        {
            Array.ForEach(Directory.GetFiles(directory, "journal-*"), File.Delete);
            using var file = File.Open(Directory.GetFiles(directory, "*.seg", SearchOption.AllDirectories).Single(), FileMode.Open);
            damage(file);
        });
        node.Restart();
    }

    private static void Rot(FileStream file)
    {
        file.Position = 4096 + 160 + 120;
        var was = file.ReadByte();
        file.Position--;
        file.WriteByte((byte)~was);
    }
}
