using Orleans.DOS.Catalog;
using Orleans.DOS.Segments;

namespace Orleans.DOS.Grains.Tests.Segments;

public sealed class SqliteSegmentCommitsTests : SegmentCommitsTests
{
    protected override Task<TestDatabase> NewDatabaseAsync() => Task.FromResult<TestDatabase>(new SqliteTestDatabase());
}

public sealed class PostgresSegmentCommitsTests(SharedPostgres shared) : SegmentCommitsTests
{
    protected override async Task<TestDatabase> NewDatabaseAsync() => await PostgresTestDatabase.CreateAsync(await shared.ServerAsync());
}

/// <summary>Seals of many segments are one commit, of which one that lost its epoch is refused alone.</summary>
public abstract class SegmentCommitsTests
{
    private const int Objects = 20;

    protected abstract Task<TestDatabase> NewDatabaseAsync();

    [Fact]
    public async Task SealsThatWaitForTheCatalog_ShareOneCommit_AndOneThatWasOvertaken_IsRefusedAlone()
    {
        await using var rig = await SegmentRig.StartAsync(await NewDatabaseAsync());
        var node = rig.Nodes[0];
        var owners = new List<(ObjectId Target, RigOwner Owner)>();
        for (var number = 1; number <= Objects; number++)
        {
            var target = new ObjectId(ObjectKind.File, number);
            var owner = await RigOwner.TakeAsync(rig, node, target);
            await rig.PassAsync(owner.AppendAsync(1));
            owners.Add((target, owner));
        }
        var overtaken = owners[^1];
        await rig.OwnAsync(overtaken.Target);
        var (commits, first) = (0, new TaskCompletionSource(TaskCreationOptions.RunContinuationsAsynchronously));
        node.Catalog.Bend = (kind, run) => kind != "write" ? null : Interlocked.Increment(ref commits) == 1 ? HeldAsync(first.Task, run) : run();

        var sealsBefore = rig.Network.Sent.Count(call => call.Name == "Seal");
        var closing = owners.ConvertAll(item => item.Owner.Log.CloseAsync());
        await SegmentRig.UntilAsync(() => rig.Network.Sent.Count(call => call.Name == "Seal") == sealsBefore + (Objects * 3));
        // All but the first wait behind it by then, or are about to.
        await rig.QuietAsync();
        first.SetResult();
        await rig.PassUntilAsync(() => closing.TrueForAll(task => task.IsCompleted));
        node.Catalog.Bend = null;

        Assert.InRange(commits, 1, 4);
        Assert.Equal(DosErrorCode.Stale, (await Assert.ThrowsAsync<DosException>(() => closing[^1])).Code);
        foreach (var (target, _) in owners.SkipLast(1))
        {
            Assert.Equal(SegmentRow.Sealed, Assert.Single(await rig.SegmentsAsync(target)).State);
        }
        Assert.Equal(SegmentRow.Open, Assert.Single(await rig.SegmentsAsync(overtaken.Target)).State);
    }

    [Fact]
    public async Task OpeningWhoseDiskIsGone_IsRefusedAlone()
    {
        await using var rig = await SegmentRig.StartAsync(await NewDatabaseAsync());
        var first = new TaskCompletionSource(TaskCreationOptions.RunContinuationsAsynchronously);
        var catalog = rig.Nodes[0].Catalog;
        var commits = 0;
        catalog.Bend = (kind, run) => kind != "write" ? null : Interlocked.Increment(ref commits) == 1 ? HeldAsync(first.Task, run) : run();
        await using var writer = new SegmentCommits(catalog, rig.Time);
        var records = new List<Task<bool>>();
        for (var number = 1; number <= 3; number++)
        {
            var target = new ObjectId(ObjectKind.File, number);
            var replicas = rig.Nodes.Select(node => new Replica(node.Self, number == 2 && node == rig.Nodes[2] ? new DiskId("d-gone") : node.Store.Id)).ToList();
            records.Add(writer.RecordAsync(target, await rig.OwnAsync(target), [], new OpenedSegment(new SegmentId(9000 + number), 3, replicas)));
        }
        // The others wait behind the first, for one commit.
        first.SetResult();

        bool[] done = await Task.WhenAll(records);
        Assert.Equal([true, false, true], done);
        Assert.InRange(commits, 1, 2);
        foreach (var number in new[] { 1, 2, 3 })
        {
            Assert.Equal(number == 2 ? 0 : 3, (await rig.GoodAsync(9000 + number)).Count);
            Assert.Equal(number == 2 ? 0 : 1, (await rig.SegmentsAsync(new ObjectId(ObjectKind.File, number))).Count);
        }
    }

    private static async Task HeldAsync(Task gate, Func<Task> run)
    {
        await gate;
        await run();
    }
}
