using Orleans.DOS.Catalog;
using Orleans.DOS.Node.Tests.Harness;
using Xunit;

namespace Orleans.DOS.Node.Tests.Nodes;

/// <summary>The figures of design.md section 5, on real processes.</summary>
[Collection(RealNodes.Name)]
public sealed class MembershipTests
{
    [Fact]
    public async Task ThreeNodes_OnSqlite_FormOneClusterAndSurviveFaults()
    {
        await using var nodes = await TestNodes.StartAsync(3);
        await CrashIsNoticedAndHealedAsync(nodes);
        await FreezeIsNoticedAsync(nodes);
    }

    [Fact]
    public async Task ThreeNodes_OnPostgres_FormOneClusterAndSurviveFaults()
    {
        Assert.SkipWhen(PostgresServer.Binaries is null, "PostgreSQL is not installed");
        await using var server = await PostgresServer.StartAsync();
        await using var nodes = await TestNodes.StartAsync(3, await server.CreateDatabaseAsync());
        await CrashIsNoticedAndHealedAsync(nodes);
        await FreezeIsNoticedAsync(nodes);
    }

    [Fact]
    public async Task WholeCluster_WhenKilled_ComesBackByItselfOnTheSamePorts()
    {
        await using var nodes = await TestNodes.StartAsync(3);
        var before = nodes.All.Select(node => (node.NodeId, node.Url, node.Silo, node.Gateway)).ToList();
        foreach (var node in nodes.All)
        {
            node.Kill();
        }
        foreach (var node in nodes.All)
        {
            await node.ExitAsync(TimeSpan.FromSeconds(5));
        }
        foreach (var node in nodes.All)
        {
            node.Start();
        }
        await nodes.ReadyAsync();
        Assert.Equal(before, nodes.All.Select(node => (node.NodeId, node.Url, node.Silo, node.Gateway)));
    }

    [Fact]
    public async Task TwoOfThree_KilledAtOnce_AreNoticedWithin45Seconds()
    {
        await using var nodes = await TestNodes.StartAsync(3);
        nodes[1].Kill();
        nodes[2].Kill();
        await DeadAsync(nodes, TimeSpan.FromSeconds(45), nodes[1], nodes[2]);
    }

    [Fact]
    public async Task Terminate_EndsWithinTenSecondsAndIsSeenAsDead()
    {
        await using var nodes = await TestNodes.StartAsync(2);
        nodes[1].Terminate();
        Assert.Equal(0, await nodes[1].ExitAsync(TimeSpan.FromSeconds(10)));
        await DeadAsync(nodes, TimeSpan.FromSeconds(5), nodes[1]);
        Assert.False(System.IO.File.Exists(nodes[1].ReadyPath));
    }

    private static async Task CrashIsNoticedAndHealedAsync(TestNodes nodes)
    {
        nodes[2].Kill();
        await DeadAsync(nodes, TimeSpan.FromSeconds(3), nodes[2]);
        await nodes[2].ExitAsync(TimeSpan.FromSeconds(5));
        nodes[2].Start();
        await nodes.ReadyAsync();
    }

    private static async Task FreezeIsNoticedAsync(TestNodes nodes)
    {
        var before = CountOfAnswers(nodes);
        nodes[2].Stop();
        await DeadAsync(nodes, TimeSpan.FromSeconds(15), nodes[2]);
        Assert.True(CountOfAnswers(nodes) > before, "it was declared dead by luck: no node that was asked to probe it answered in time");
        // Woken up, it learns that it was declared dead and ends: nothing of it acts any more.
        nodes[2].Continue();
        Assert.NotEqual(0, await nodes[2].ExitAsync(TimeSpan.FromSeconds(20)));
    }

    private static int CountOfAnswers(TestNodes nodes) => nodes.Logs.Split("with a direct probe response time of").Length;

    private static async Task DeadAsync(TestNodes nodes, TimeSpan deadline, params TestNode[] dead)
    {
        var what = $"{string.Join(" and ", dead.Select(node => node.Name))} shown as dead";
        var took = await Eventually.TrueAsync(
            what, deadline,
            async () =>
            {
                var states = await TestNodes.StatesAsync(nodes[0]);
                return dead.All(node => states[node.NodeId] == "dead");
            },
            () => nodes.Logs);
        TestContext.Current.TestOutputHelper?.WriteLine($"{what} after {took.TotalSeconds:0.00} s, promised {deadline.TotalSeconds:0} s");
    }
}
