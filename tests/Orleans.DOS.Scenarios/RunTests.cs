using Orleans.DOS.Catalog;
using Orleans.DOS.Scenarios.Harness;

namespace Orleans.DOS.Scenarios;

/// <summary>What a session cannot show of attached programs: signals, and readers that go.</summary>
[Collection(ScenarioCluster.Name)]
public sealed class RunTests(ScenarioCluster cluster)
{
    private static readonly TimeSpan StepMax = TimeSpan.FromSeconds(30);

    [Fact]
    public async Task Run_AtCtrlC_EndsTheProcess_AndHandsOnItsCode()
    {
        var shell = cluster.Shell("run-ctrl-c");
        var run = shell.RunAsync("exec setsid sh -c 'echo $$ >pid; exec dos run sleep 7777'", TestContext.Current.CancellationToken);
        await Poll.UntilAsync(async () => (await shell.RunAsync("dos ps | grep 'Running.*sleep 7777'", TestContext.Current.CancellationToken)).ExitCode == 0, StepMax);

        await shell.RunAsync("/bin/kill -INT -- -$(cat pid)", TestContext.Current.CancellationToken);

        var ended = await run;
        Assert.Equal((143, 0), (ended.ExitCode, ended.Lines.Count));
        Assert.Equal(1, (await shell.RunAsync("dos ps | grep 'sleep 7777'", TestContext.Current.CancellationToken)).ExitCode);
    }

    [Fact]
    public async Task Wait_AtCtrlC_EndsItself_AndNotTheProcess()
    {
        var shell = cluster.Shell("wait-ctrl-c");
        var pid = await shell.StartAsync("sleep 8888", TestContext.Current.CancellationToken);
        var wait = shell.RunAsync($"exec setsid sh -c 'echo $$ >pid; exec dos wait {pid}'", TestContext.Current.CancellationToken);
        await Poll.UntilAsync(async () => (await shell.RunAsync("test -s pid && tr '\\0' ' ' </proc/$(cat pid)/cmdline | grep '^dos wait'", TestContext.Current.CancellationToken)).ExitCode == 0, StepMax);

        // Until its handler stands: a signal before would end it as any other program.
        await Poll.UntilAsync(async () => !wait.IsCompleted && (await shell.RunAsync("grep -q 'SigCgt:.*[2367abef]$' /proc/$(cat pid)/status", TestContext.Current.CancellationToken)).ExitCode == 0, StepMax);
        await shell.RunAsync("/bin/kill -INT -- -$(cat pid)", TestContext.Current.CancellationToken);

        var ended = await wait;
        Assert.Equal(130, ended.ExitCode);
        var still = await shell.RunAsync($"dos ps | grep 'Running.*sleep 8888' && dos kill -s KILL {pid}", TestContext.Current.CancellationToken);
        Assert.Equal(0, still.ExitCode);
    }

    [Fact]
    public async Task Logs_OfAProgramThatWritesAllTheTime_EndAtWhatThereWas()
    {
        var shell = cluster.Shell("logs-now");
        var pid = await shell.StartAsync("yes", TestContext.Current.CancellationToken);
        var answer = await shell.RunAsync($"until dos logs {pid} | grep -qm1 y; do :; done; dos logs {pid} | tail -1; dos kill -s KILL {pid}", TestContext.Current.CancellationToken);
        Assert.Equal(["y"], answer.Lines);
    }

    [Fact]
    public async Task Logs_OfAProgramThatIsStartedAgain_GoOnUntilItEnds()
    {
        var shell = cluster.Shell("logs-again");
        var pid = await shell.StartAsync("--restart always sleep 1", TestContext.Current.CancellationToken);
        var answer = await shell.RunAsync(
            $"dos logs -f {pid} & until dos ps | grep -q '^{pid} .*  [1-9]  *sleep 1'; do :; done; kill -0 $! && dos kill {pid} && wait $! && dos wait {pid}", TestContext.Current.CancellationToken);
        Assert.True(answer is { Lines.Count: 0, ExitCode: 143 }, string.Join('\n', answer.Lines) + answer.ExitCode);
    }

    [Fact]
    public async Task Logs_OfAProgramThatGoesOn_EndWhenNobodyReads()
    {
        var shell = cluster.Shell("logs-head");
        var pid = await shell.StartAsync("yes", TestContext.Current.CancellationToken);
        var answer = await shell.RunAsync($"(dos logs -f {pid}; echo $? >ended) | head -1; cat ended; dos kill -s KILL {pid}", TestContext.Current.CancellationToken);
        Assert.Equal(["y", "141"], answer.Lines);
    }
}
