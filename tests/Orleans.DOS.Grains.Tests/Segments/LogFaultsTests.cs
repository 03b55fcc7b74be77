using Orleans.DOS.Catalog;
using Orleans.DOS.Nodes;
using Orleans.DOS.Segments;

namespace Orleans.DOS.Grains.Tests.Segments;

/// <summary>Messages that are lost, repeated, late or out of order, nodes that crash and come back: by chance from a seed, over real stores.</summary>
public sealed class LogFaultsTests
{
    private static readonly ObjectId Target = new(ObjectKind.File, 5);

    [Theory]
    [InlineData("lost request")]
    [InlineData("lost answer")]
    [InlineData("repeated")]
    [InlineData("refused")]
    public async Task OneMessageOfEach_Harmed_ChangesNothingForTheCaller(string harm)
    {
        await using var rig = await SegmentRig.StartAsync(new SqliteTestDatabase());
        var owner = await RigOwner.TakeAsync(rig, rig.Nodes[0], Target);
        await owner.AppendAsync(0);
        var harmed = new HashSet<(NodeId, string, long)>();
        using var bend = rig.Network.Bend(
            call => call.Name is "Append" or "Sync" && harmed.Add((call.To, call.Name, call.Offset)),
            harm switch
            {
                "lost request" => RigNetwork.LoseRequest,
                "lost answer" => RigNetwork.LoseAnswer,
                "repeated" => RigNetwork.Repeat,
                _ => RigNetwork.Refuse,
            });
        for (var number = 1; number < 6; number++)
        {
            await rig.PassAsync(owner.AppendAsync(number, durable: number % 2 == 0));
        }
        await rig.PassAsync(owner.Log.FlushAsync());
        var row = Assert.Single(await rig.SegmentsAsync(Target));
        foreach (var node in rig.Nodes)
        {
            var state = await node.Store.StatAsync(new SegmentId(row.SegmentId));
            Assert.Equal((6L * 160, 6L * 160), (state.Length, state.SyncedLength));
        }
        Assert.Equal([0, 1, 2, 3, 4, 5], (await RigOwner.TakeAsync(rig, rig.Nodes[1], Target)).Found);
    }

    /// <summary>No disk has room for a further segment: that is said, and not that nobody is there; when there is room, the same log goes on.</summary>
    [Fact]
    public async Task AllDisksNearlyFull_IsToldAsNoSpace_AndOneIsPassedOver()
    {
        await using var rig = await SegmentRig.StartAsync(new SqliteTestDatabase());
        var free = 0L;
        void Limit(params RigNode[] nodes) => Array.ForEach(nodes, node => node.Store.Room = new DiskRoom(() => new DiskSpace(1L << 30, Interlocked.Read(ref free))));
        Limit([.. rig.Nodes]);
        var owner = await RigOwner.TakeAsync(rig, rig.Nodes[0], new ObjectId(ObjectKind.File, 5));
        var refused = await Assert.ThrowsAsync<DosException>(() => rig.PassAsync(owner.AppendAsync(1)));
        Assert.Equal(DosErrorCode.NoSpace, refused.Code);

        Interlocked.Exchange(ref free, 1L << 30);
        Limit([.. rig.Nodes]);
        owner = await RigOwner.TakeAsync(rig, rig.Nodes[0], new ObjectId(ObjectKind.File, 5));
        await rig.PassAsync(owner.AppendAsync(1));
        rig.Nodes[2].Store.Room = new DiskRoom(() => new DiskSpace(1L << 30, 0));
        var place = await rig.PassAsync(owner.AppendAsync(2));
        Assert.DoesNotContain(rig.Nodes[2], await rig.GoodAsync(place.Segment.Value));
        Assert.Equal(2, (await rig.GoodAsync(place.Segment.Value)).Count);
    }

    [Fact]
    public async Task FramesInReverseOrder_WaitForThoseThatTheyOvertook()
    {
        await using var rig = await SegmentRig.StartAsync(new SqliteTestDatabase());
        var owner = await RigOwner.TakeAsync(rig, rig.Nodes[0], Target);
        await owner.AppendAsync(0);
        var held = new Stack<TaskCompletionSource>();
        using var bend = rig.Network.Bend(call => call.Name == "Append" && call.To == rig.Nodes[2].Self, async delivery =>
        {
            var gate = new TaskCompletionSource(TaskCreationOptions.RunContinuationsAsynchronously);
            lock (held)
            {
                held.Push(gate);
            }
            await gate.Task;
            await delivery.RunAsync();
        });
        var frames = owner.AppendAsync([1, 2, 3, 4]);
        await SegmentRig.UntilAsync(() => held.Count == 4);
        foreach (var gate in held)
        {
            gate.SetResult();
        }
        await frames;
        Assert.Single(await rig.SegmentsAsync(Target));
    }

    public static TheoryData<int> Seeds() => new(Enumerable.Range(1, Environment.GetEnvironmentVariable("DOS_TEST_DOSE") == "full" ? 60 : 6));

    [Theory, MemberData(nameof(Seeds))]
    public async Task Chance_LosesNothingAcknowledged(int seed)
    {
        await using var rig = await SegmentRig.StartAsync(new SqliteTestDatabase());
        var random = new Random(seed);
        var gate = new Lock();
        var harm = true;
        using var bend = rig.Network.Bend((call, delivery) =>
        {
            lock (gate)
            {
                return !harm || call.Name is "Read" or "Stat" ? null : random.Next(14) switch
                {
                    0 => RigNetwork.LoseRequest(delivery),
                    1 => RigNetwork.LoseAnswer(delivery),
                    2 => RigNetwork.Repeat(delivery),
                    3 => LateAsync(delivery, random.Next(1, 1500)),
                    _ => null,
                };
            }
        });
        var acknowledged = new List<int>();
        var number = 0;
        for (var round = 0; round < 4; round++)
        {
            // One crash at a time: what is acknowledged is at all replicas, but their number may fall to two.
            var taker = rig.Nodes[random.Next(rig.Nodes.Count)];
            RigOwner owner;
            try
            {
                owner = await RigOwner.TakeAsync(rig, taker, Target);
            }
            catch (DosException exception) when (exception.Code == DosErrorCode.Unavailable)
            {
                continue;
            }
            Assert.All(acknowledged, value => Assert.Contains(value, owner.Found));
            for (var i = 0; i < 6; i++)
            {
                try
                {
                    var value = ++number;
                    await rig.PassAsync(owner.AppendAsync(value, durable: random.Next(2) == 0));
                    acknowledged.Add(value);
                }
                catch (DosException exception) when (exception.Code is DosErrorCode.Unavailable or DosErrorCode.Stale)
                {
                    break;
                }
            }
            var victim = rig.Nodes[random.Next(rig.Nodes.Count)];
            victim.Crash();
            victim.Restart();
        }
        harm = false;
        var last = await RigOwner.TakeAsync(rig, rig.Nodes[0], Target);
        Assert.NotEmpty(acknowledged);
        Assert.All(acknowledged, value => Assert.Contains(value, last.Found));

        async Task LateAsync(Delivery delivery, int milliseconds)
        {
            await Task.Delay(TimeSpan.FromMilliseconds(milliseconds), rig.Time); // tidy: the test's own clock
            await delivery.RunAsync();
        }
    }
}
