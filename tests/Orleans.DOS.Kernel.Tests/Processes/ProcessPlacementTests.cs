using FsCheck;
using FsCheck.Fluent;
using Orleans.DOS.Nodes;
using Orleans.DOS.Processes;
using Xunit;

namespace Orleans.DOS.Kernel.Tests.Processes;

public sealed class ProcessPlacementTests
{
    private static readonly Dictionary<string, string> NoLabels = [];
    private static readonly HashSet<NodeId> NoNodes = [];

    private static NodeStatus Node(string id, int used = 0, NodeState state = NodeState.Ready, int processes = 0, string zone = "a") => new()
    {
        Id = new NodeId(id), State = state, CpuMillicores = 2000, CpuUsedMillicores = used, Processes = processes,
        Labels = new Dictionary<string, string> { ["zone"] = zone },
    };

    [Fact]
    public void Choose_NoNode_SaysWhy()
    {
        Assert.Equal((null, "no node is ready"), ProcessPlacement.Choose([Node("n-a", state: NodeState.Cordoned)], NoLabels, NoNodes, 0));
        Assert.Equal((null, "no ready node has the labels zone=b"), ProcessPlacement.Choose([Node("n-a")], new Dictionary<string, string> { ["zone"] = "b" }, NoNodes, 0));
        Assert.Equal((null, "no node has room"), ProcessPlacement.Choose([Node("n-a", processes: Limits.ProcessesPerNodeMax)], NoLabels, NoNodes, 0));
        Assert.Equal((null, "no node has room"), ProcessPlacement.Choose([Node("n-a")], NoLabels, new HashSet<NodeId> { new("n-a") }, 0));
    }

    [Fact]
    public void Choose_TheLeastLoaded_AmongTheReady() =>
        Assert.Equal(new NodeId("n-b"), ProcessPlacement.Choose([Node("n-a", used: 1500), Node("n-b", used: 300), Node("n-c", state: NodeState.Leaving)], NoLabels, NoNodes, 0.99).Node);

    /// <summary>One that is frozen takes nothing, and so looks freer the longer it is.</summary>
    [Fact]
    public void Choose_PassesOverANodeThatHasMissedReports_UnlessItIsTheOnlyOne()
    {
        var now = DateTimeOffset.UnixEpoch;
        var silent = Node("n-a") with { Reported = now - ProcessPlacement.ReportAgeMax - TimeSpan.FromMilliseconds(1) };
        var late = Node("n-b", used: 1000) with { Reported = now - ProcessPlacement.ReportAgeMax };
        var busy = Node("n-c", used: 1900) with { Reported = now };
        Assert.Equal(new NodeId("n-b"), ProcessPlacement.Choose([silent, late, busy], NoLabels, NoNodes, 0).Node);
        Assert.Equal(new NodeId("n-a"), ProcessPlacement.Choose([silent], NoLabels, NoNodes, 0).Node);
    }

    /// <summary>The naive twin: no node that may be chosen has clearly more free CPU than the chosen one.</summary>
    [Fact]
    public void Choose_AgreesWithTheNaiveTwin() => Prop.ForAll(
        Gen.ListOf(Gen.Choose(0, 100_000)).Select(list => list.ToArray()).ToArbitrary(),
        Gen.Choose(0, 999).ToArbitrary(),
        (seeds, draw) =>
        {
            var nodes = seeds.Select((seed, i) => Node($"n-{i}", seed % 2000, (NodeState)(2 + (seed / 7 % 3)), seed / 31 % 600, seed % 2 == 0 ? "a" : "b")).ToList();
            var labels = draw % 2 == 0 ? NoLabels : new Dictionary<string, string> { ["zone"] = "a" };
            var may = new List<NodeStatus>();
            foreach (var node in nodes)
            {
                if (node.State == NodeState.Ready && node.Processes < Limits.ProcessesPerNodeMax && (draw % 2 == 0 || node.Labels["zone"] == "a"))
                {
                    may.Add(node);
                }
            }
            var chosen = ProcessPlacement.Choose(nodes, labels, NoNodes, draw / 1000.0);
            return chosen.Node is { } id
                ? chosen.Reason is null && may.Any(node => node.Id == id)
                    && may.All(node => ProcessPlacement.FreeMillicores(node) - ProcessPlacement.FreeMillicores(may.First(other => other.Id == id)) <= ProcessPlacement.AlikeMillicores)
                : may.Count == 0 && chosen.Reason is not null;
        }).QuickCheckThrowOnFailure();
}
