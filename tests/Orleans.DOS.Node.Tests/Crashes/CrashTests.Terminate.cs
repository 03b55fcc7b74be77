using System.Diagnostics;
using Orleans.DOS.Files;
using Orleans.DOS.Jobs;
using Orleans.DOS.Node.Tests.Harness;
using Orleans.DOS.Processes;
using Xunit;

namespace Orleans.DOS.Node.Tests.Crashes;

public abstract partial class CrashTests
{
    /// <summary>Promised are 10 s whatever hangs; here nothing does. Alone on the host it takes 3 to 4 s.</summary>
    private static readonly TimeSpan TerminatedMax = TimeSpan.FromSeconds(8);

    [Fact]
    public async Task Terminate_WithOpenStreamsAndWork_IsQuickAndGraceful_AndTheWatchGoesOn()
    {
        var leaving = Nodes[1];
        var sleeping = await RunningOnAsync(new NodeId(leaving.NodeId), RestartPolicy.Never);
        await Machine.Files.WriteAllBytesAsync(Root + "/words", Words(InputBytes / 2));
        var job = await Machine.Jobs.SubmitAsync(new JobSpec { Program = "wordcount", Inputs = [Root + "/words"], Output = Root + "/counts", RangeBytes = 256 * 1024 });
        using var followed = await leaving.Http.GetAsync($"/v1/machines/main/processes/{sleeping.Pid}/stdout?follow", HttpCompletionOption.ResponseHeadersRead);
        using var watched = await leaving.Http.GetAsync($"/v1/machines/main/jobs/{job.Id}/watch", HttpCompletionOption.ResponseHeadersRead);
        using var through = three.Http(first: 1);
        var (seen, end) = (new TaskCompletionSource(), new TaskCompletionSource<JobStatus>());
        var watching = WatchAsync(through.Jobs, job.Id, seen, end);
        await seen.Task.WaitAsync(JobDeadline);
        Assert.False((await Machine.Jobs.StatusAsync(job.Id)).HasEnded, "the job was over before its node could be stopped");

        var asked = Stopwatch.StartNew();
        leaving.Terminate();
        Assert.Equal(0, await leaving.ExitAsync(TerminatedMax));

        TestContext.Current.TestOutputHelper?.WriteLine($"ended after {asked.Elapsed.TotalSeconds:0.00} s");

        // The silo says in its log when it had no time left to hand over what it owned.
        Assert.DoesNotContain("non-graceful", leaving.Log, StringComparison.Ordinal);
        Assert.DoesNotContain("Graceful shutdown aborted", leaving.Log, StringComparison.Ordinal);
        await Eventually.TrueAsync("the node is shown as dead", TimeSpan.FromSeconds(5),
            async () => (await TestNodes.StatesAsync(Nodes[0]))[leaving.NodeId] == "dead", () => Nodes.Logs);
        await BecomesAsync(sleeping.Pid, status => status is { State: ProcessState.Failed, Reason: "NodeLost" });
        JobStatus? now = null;
        await Eventually.TrueAsync("the job has ended", JobDeadline, async () => (now = await Machine.Jobs.StatusAsync(job.Id)).HasEnded, () => $"{now}\n{Nodes.Logs}");
        await watching.WaitAsync(TimeSpan.FromSeconds(20));
        Assert.Equal(JobState.Succeeded, (await end.Task).State);
    }

    private static async Task WatchAsync(IJobs jobs, JobId job, TaskCompletionSource seen, TaskCompletionSource<JobStatus> end)
    {
        await foreach (var status in jobs.WatchAsync(job))
        {
            if (status.TasksRunning > 0)
            {
                seen.TrySetResult();
            }
            if (status.HasEnded)
            {
                end.SetResult(status);
            }
        }
    }
}
