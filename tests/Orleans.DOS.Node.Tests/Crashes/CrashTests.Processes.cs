using Orleans.DOS.Node.Tests.Harness;
using Orleans.DOS.Processes;
using Xunit;

namespace Orleans.DOS.Node.Tests.Crashes;

public abstract partial class CrashTests
{

    private static readonly TimeSpan WorkersGone = TimeSpan.FromSeconds(5);
    private static readonly TimeSpan PlacedDeadline = TimeSpan.FromSeconds(20);

    [Fact]
    public async Task Processes_OfAKilledNode_StartElsewhereIfToldToAndFailOtherwise()
    {
        var restarted = await RunningAsync(RestartPolicy.Always);
        var lost = await RunningOnAsync(restarted.Node!.Value, RestartPolicy.Never);
        var workers = HostProcesses.ChildrenOf(NodeOf(restarted.Node.Value).Pid);
        Assert.NotEmpty(workers);
        await KillAsync(NodeOf(restarted.Node.Value));

        // What a dead node's programs would still do, nobody could see or stop.
        await Eventually.TrueAsync("the workers are gone", WorkersGone, () => Task.FromResult(!workers.Any(HostProcesses.Runs)));
        await BecomesAsync(restarted.Pid, status =>
            status is { State: ProcessState.Running, Restarts: >= 1 } && status.Node != restarted.Node && status.Incarnation > restarted.Incarnation);
        await BecomesAsync(lost.Pid, status => status is { State: ProcessState.Failed, Reason: "NodeLost", ExitCode: null });
        await Machine.Processes.SignalAsync(restarted.Pid, ProcessSignal.Kill);
        await BecomesAsync(restarted.Pid, status => status.HasEnded);
    }

    private async Task<ProcessStatus> RunningAsync(RestartPolicy restart)
    {
        var spawned = await Machine.Processes.SpawnAsync(new ProcessSpec { Program = "sleep", Arguments = ["600"], Restart = restart });
        return await BecomesAsync(spawned.Pid, status => status.State == ProcessState.Running);
    }

    private async Task<ProcessStatus> RunningOnAsync(NodeId node, RestartPolicy restart)
    {
        ProcessStatus? running = null;
        // A node that has just come back takes part in placement when it has told its room.
        await Eventually.TrueAsync($"a process is placed on {node}", PlacedDeadline, async () => (running = await RunningAsync(restart)).Node == node, () => Nodes.Logs);
        return running!;
    }

    private async Task<ProcessStatus> BecomesAsync(ProcessId pid, Func<ProcessStatus, bool> condition)
    {
        ProcessStatus? status = null;
        await Eventually.TrueAsync($"the state of {pid}", PlacedDeadline, async () => condition(status = await Machine.Processes.StatusAsync(pid)), () => $"{status}\n{Nodes.Logs}");
        return status!;
    }
}
