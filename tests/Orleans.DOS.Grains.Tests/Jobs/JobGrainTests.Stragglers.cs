using Orleans.DOS.Catalog;
using Orleans.DOS.Files;
using Orleans.DOS.Grains.Tests.Processes;
using Orleans.DOS.Jobs;
using Xunit;
using static Orleans.DOS.Grains.Tests.Processes.NodesInProcess;

namespace Orleans.DOS.Grains.Tests.Jobs;

/// <summary>Tasks that hang, and tasks that come in thousands.</summary>
public abstract partial class JobGrainTests
{
    /// <summary>The worker that runs the task is stopped, not killed: nobody ever reports it, and its node lives.</summary>
    [Fact]
    public async Task TaskThatHangsOnOneNode_RunsOnAnotherToo_AndTheFirstResultCountsOnce()
    {
        var inputs = await PutInputsAsync(2, 300_000);
        (NodeId Node, TaskStart Task)? hanging = null;
        nodes.Tasks.After = (node, task) =>
        {
            // When a layer has something to compare with.
            if (hanging is null && task is { Kind: TaskKind.Map, Task: >= 4 })
            {
                hanging = (node, task);
                nodes.FreezeWorkers(node);
            }
        };
        var ended = await RunAsync(Spec("wordcount", 2));
        await AssertResultAsync(ended, "wordcount", inputs, 2);
        Assert.Equal((ended.Tasks, ended.BytesTotal), (ended.TasksDone, ended.BytesDone));
        var (frozen, first) = hanging!.Value;
        var journaled = await nodes.Catalog.ReadAsync(session => session.QueryAsync<JournaledTask>(
            "SELECT task AS Task, attempt AS Attempt, node_id AS Node FROM dos_job_tasks WHERE job_id = @job", new { job = ended.Id.Value }));
        Assert.Equal(Enumerable.Range(0, ended.Tasks), journaled.Select(row => (int)row.Task).Order());
        var second = journaled.Single(row => row.Task == first.Task);
        Assert.True(second.Attempt > first.Attempt && second.Node != frozen.Value, $"{second.Attempt} on {second.Node} counts; {first.Attempt} hangs on {frozen}");
        // The loser holds its slot until its worker, which hears nothing, is ended.
        await Poll.UntilAsync(() => Task.FromResult(nodes.TasksRunning == 0), Patience);
        await AssertNoScratchAsync(ended.Id);
    }

    /// <summary>Each is journaled, none is begun twice, and a node is given many with one call.</summary>
    [Fact]
    public async Task EmptyTasks_ComeTogether_AndEachIsJournaledOnce()
    {
        const int tasks = 3000;
        var ended = await RunAsync(new JobSpec
        {
            Program = "empty", Inputs = [], Split = JobSplit.ByProgram, Partitions = 1, Parameters = new Dictionary<string, string> { ["tasks"] = "3000" },
        });
        Assert.Equal((JobState.Succeeded, null, tasks + 1, tasks + 1, 0), (ended.State, ended.Reason, ended.Tasks, ended.TasksDone, ended.TasksRetried));
        Assert.Equal(Enumerable.Range(0, tasks + 1), (await JournaledAsync(ended.Id)).Order());
        var started = nodes.Tasks.Started.Where(start => start.Job == ended.Id).ToArray();
        Assert.Equal(tasks + 1, started.Length);
        Assert.True(nodes.Tasks.CallsOf(ended.Id) < tasks / 4, $"{nodes.Tasks.CallsOf(ended.Id)} calls started {tasks} tasks");
        Assert.Empty(await nodes.Machine.Files.ReadAllBytesAsync(Assert.Single(ended.Results)));
    }

    [Fact]
    public async Task Submit_OfASplitThatTheProgramDoesNotKnow_IsRefused()
    {
        var spec = new JobSpec { Program = "wordcount", Inputs = [], Split = JobSplit.ByProgram };
        Assert.Equal(DosErrorCode.NotSupported, await CodeAsync(spec));
        Assert.Equal(DosErrorCode.InvalidArgument, await CodeAsync(spec with { Inputs = ["/in"] }));
        Assert.Equal(DosErrorCode.InvalidArgument, await CodeAsync(spec with { Program = "empty" }));
        Assert.Equal(DosErrorCode.InvalidArgument, await CodeAsync(spec with { Split = JobSplit.ByRange }));
    }

    private sealed class JournaledTask
    {
        public long Task { get; set; }
        public long Attempt { get; set; }
        public string Node { get; set; } = "";
    }
}
