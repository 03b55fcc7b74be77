using System.Net;
using System.Net.Sockets;
using Orleans.DOS.Catalog;
using Orleans.DOS.Scenarios.Harness;

namespace Orleans.DOS.Scenarios.Supervision;

/// <summary>What <c>dos up</c> does with nodes that die, freeze and refuse, and with what a supervisor before it has left.</summary>
public sealed class SupervisorTests
{
    [Fact]
    public async Task Node_ThatIsKilledOrFreezes_StartsAgain_WithItsPorts()
    {
        await using var nodes = new OwnNodes();
        await nodes.SucceedAsync("dos up --nodes 2 -d");
        var (frozen, killed) = (nodes.Up("node1")!, nodes.Up("node2")!);

        await nodes.SucceedAsync($"kill -STOP {frozen.Pid}; kill -KILL {killed.Pid}");

        Assert.Equal(killed.Url, (await nodes.UpAgainAsync("node2", killed.Pid)).Url);
        Assert.Equal(frozen.Url, (await nodes.UpAgainAsync("node1", frozen.Pid)).Url);
        Assert.Contains("node node1 has been silent for 10 s; it is killed", nodes.Log, StringComparison.Ordinal);
        Assert.False(HostProcesses.IsAlive(frozen.Pid));
        await nodes.SucceedAsync("dos status");
    }

    [Fact]
    public async Task Run_WhoseNodeIsLost_TellsThat_AndNotThatThereIsNoSuchProcess()
    {
        await using var nodes = new OwnNodes();
        await nodes.SucceedAsync("dos up --nodes 2 -d");
        var run = nodes.Shell.RunAsync("dos run sleep 1000", TestContext.Current.CancellationToken);
        IReadOnlyList<string> running = [];
        await Poll.UntilAsync(async () => (running = await nodes.SucceedAsync("dos ps --json | grep '\"state\":\"Running\"' | grep -o '\"node\":\"[^\"]*' | cut -d'\"' -f4; true")).Count > 0, OwnNodes.ComeBackMax);

        await nodes.SucceedAsync($"kill -KILL $(grep -o '\"pid\": [0-9]*' $(grep -l '{running[0]}' {nodes.Data}/nodes/*/ready.json) | grep -o '[0-9]*')");

        // Read by a shell of the same directory: the first one's answer is still to come.
        var ended = await run;
        Assert.True(new Pattern().Matches(["dos: process <pid> failed [NodeLost]"], ended.Lines), string.Join('\n', ended.Lines));
        Assert.Equal(1, ended.ExitCode);
    }

    [Fact]
    public async Task Node_ThatFreezesWhileItStarts_IsKilledAfterTenSeconds_AndUpSucceeds()
    {
        await using var nodes = new OwnNodes();
        var up = nodes.SucceedAsync("dos up -d");
        IReadOnlyList<int> starting = [];
        await Poll.UntilAsync(() => Task.FromResult((starting = HostProcesses.Naming($"Orleans.DOS.Node\0--data\0{nodes.Data}\0")).Count > 0), OwnNodes.ComeBackMax);
        await nodes.SucceedAsync($"kill -STOP {starting[0]}");
        Assert.Null(nodes.Up("node1"));

        await up;

        Assert.Contains("node node1 has been silent for 10 s; it is killed", nodes.Log, StringComparison.Ordinal);
        Assert.NotEqual(starting[0], nodes.Up("node1")!.Pid);
        Assert.False(HostProcesses.IsAlive(starting[0]));
    }

    [Fact]
    public async Task Up_AfterItsSupervisorWasKilled_TakesOver_AndKeepsWhatWasStored()
    {
        await using var nodes = new OwnNodes();
        await nodes.SucceedAsync("dos up --nodes 2 -d && echo kept | dos fs put - /kept");
        var (one, two, supervisor) = (nodes.Up("node1")!, nodes.Up("node2")!, nodes.Supervisor);

        await nodes.SucceedAsync($"kill -KILL {supervisor}");
        await Poll.UntilAsync(() => Task.FromResult(!HostProcesses.IsAlive(supervisor)), OwnNodes.ComeBackMax);
        // They go on alone; there is nobody whom 'down' could ask.
        Assert.True(HostProcesses.IsAlive(one.Pid) && HostProcesses.IsAlive(two.Pid));
        await nodes.RefuseAsync("dos down", 4, "Unavailable", "no 'dos up' keeps <...>");
        await nodes.SucceedAsync("dos up --nodes 2 -d");

        Assert.False(HostProcesses.IsAlive(one.Pid) || HostProcesses.IsAlive(two.Pid));
        Assert.Equal([one.Url, two.Url], [nodes.Up("node1")!.Url, nodes.Up("node2")!.Url]);
        Assert.Equal(["kept"], await nodes.SucceedAsync("dos fs cat /kept"));
    }

    [Fact]
    public async Task Up_TwiceAtOnce_OneKeepsTheDirectory_AndTheOtherSaysSo()
    {
        await using var nodes = new OwnNodes();
        var both = await Task.WhenAll(Enumerable.Range(0, 2).Select(_ => nodes.Shell.RunAsync("dos up -d", TestContext.Current.CancellationToken)));
        Assert.Equal([0, 3], both.Select(answer => answer.ExitCode).Order());
        Assert.True(new Pattern().Matches(["dos: another 'dos up' keeps <...>/data [InUse]"], both.Single(answer => answer.ExitCode == 3).Lines));
        await nodes.SucceedAsync("dos status");
    }

    [Fact]
    public async Task Up_WhoseSupervisorIsKilledWhileItStarts_SeesItsEnd_AndTheNextOneTakesOver()
    {
        await using var nodes = new OwnNodes();
        var up = nodes.Shell.RunAsync("dos up -d", TestContext.Current.CancellationToken, TimeSpan.FromSeconds(30));
        await Poll.UntilAsync(() => Task.FromResult(HostProcesses.Naming($"Orleans.DOS.Node\0--data\0{nodes.Data}\0").Count > 0), OwnNodes.ComeBackMax);

        await nodes.SucceedAsync($"kill -KILL {nodes.Supervisor}");

        var ended = await up;
        Assert.True(new Pattern().Matches(["dos: the supervisor ended with 137; <...>/supervisor.log tells more [Unavailable]"], ended.Lines), string.Join('\n', ended.Lines));
        Assert.Equal(4, ended.ExitCode);
        await nodes.SucceedAsync("dos up -d");
        Assert.Single(HostProcesses.Naming($"Orleans.DOS.Node\0--data\0{nodes.Data}\0"));
    }

    [Fact]
    public async Task Up_InTheForeground_EndsItsNodesAtCtrlC()
    {
        await using var nodes = new OwnNodes();
        var up = nodes.Shell.RunAsync("exec setsid sh -c 'echo $$ >pid; exec dos up --nodes 2 >told'", TestContext.Current.CancellationToken);
        var first = await nodes.UpAgainAsync("node1", before: 0);
        await nodes.UpAgainAsync("node2", before: 0);
        // Before it has told that they are up, Ctrl-C interrupts the start.
        await nodes.SucceedAsync("timeout 20 sh -c 'until grep -q \"up in\" told; do sleep 0.05; done'");

        // To the whole group, as a terminal sends it: supervisor and nodes.
        await nodes.SucceedAsync("/bin/kill -INT -- -$(cat pid)");

        Assert.Equal(0, (await up).ExitCode);
        Assert.False(HostProcesses.IsAlive(first.Pid));
        Assert.Empty(HostProcesses.Naming($"Orleans.DOS.Node\0--data\0{nodes.Data}\0"));
    }

    [Fact]
    public async Task Up_WhileAPortOfItsNodeIsTaken_SaysWhich_AndLeavesNothingBehind()
    {
        await using var nodes = new OwnNodes();
        await nodes.SucceedAsync("dos up -d");
        var url = new Uri(nodes.Up("node1")!.Url);
        await nodes.SucceedAsync("dos down");
        Assert.Empty(HostProcesses.Naming(nodes.Data));

        using (var thief = new TcpListener(IPAddress.Loopback, url.Port))
        {
            thief.Start();
            await nodes.RefuseAsync("dos up -d", 3, "PortInUse", $"node node1: <...>{url.Port}<...>");
        }
        Assert.Empty(HostProcesses.Naming(nodes.Data));
        await nodes.SucceedAsync("dos up -d");
    }
}
