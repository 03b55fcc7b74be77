using Orleans.DOS.Catalog;
using Orleans.DOS.Jobs;
using Orleans.Serialization;
using Xunit;
using static Orleans.DOS.Grains.Tests.Processes.NodesInProcess;

namespace Orleans.DOS.Grains.Tests.Jobs;

/// <summary>What coordinators leave to each other, and to those who watch.</summary>
public abstract partial class JobGrainTests
{
    /// <summary>The job has ended, and its coordinator does not know it.</summary>
    [Fact]
    public async Task End_WhoseAnswerIsLost_IsSeenByWhoeverWatches()
    {
        var inputs = await PutInputsAsync(1, 100_000);
        var lost = new TaskCompletionSource();
        foreach (var catalog in nodes.Catalogs)
        {
            catalog.LoseAnswer = changes => changes.Contains("ended_at = @now", StringComparison.Ordinal) && changes.Contains("dos_jobs", StringComparison.Ordinal)
                && lost.TrySetResult() ? new DosException(DosErrorCode.OutcomeUnknown, "staged") : null;
        }
        try
        {
            var ended = await RunAsync(Spec("wordcount", 1));
            Assert.True(lost.Task.IsCompleted);
            await AssertResultAsync(ended, "wordcount", inputs, 1);
        }
        finally
        {
            nodes.Catalogs.ForEach(static catalog => catalog.LoseAnswer = static _ => null);
        }
    }

    [Fact]
    public async Task Coordinator_ThatGoes_GivesTheJobUp()
    {
        await PutInputsAsync(1, 100_000);
        var (some, gate) = (new TaskCompletionSource(), new TaskCompletionSource());
        nodes.Tasks.Before = async task =>
        {
            some.TrySetResult();
            await gate.Task;
        };
        var job = await nodes.Machine.Jobs.SubmitAsync(Spec("wordcount", 1));
        await some.Task.WaitAsync(Patience);
        var before = nodes.Commits.Count(IsResignation);
        await nodes.DeactivateAllAsync();
        await Poll.UntilAsync(() => Task.FromResult(nodes.Commits.Count(IsResignation) > before), Patience);
        gate.SetResult();
        Assert.Equal(JobState.Succeeded, (await EndAsync(job.Id)).State);

        // The only statement of its transaction: files are given up as they are closed.
        static bool IsResignation(string commit) => commit.StartsWith("UPDATE dos_owners SET node_id = @nobody", StringComparison.Ordinal);
    }

    /// <summary>Without the lease another coordinator may have gone on with the job: what this one remembers may be of before.</summary>
    [Fact]
    public async Task Status_OfACoordinatorWhoseNodeLostItsLease_IsTheJournals()
    {
        await PutInputsAsync(1, 100_000);
        var (some, gate) = (new TaskCompletionSource(), new TaskCompletionSource());
        nodes.Tasks.Before = async task =>
        {
            some.TrySetResult();
            await gate.Task;
        };
        var job = await nodes.Machine.Jobs.SubmitAsync(Spec("wordcount", 1));
        await some.Task.WaitAsync(Patience);
        // As a later coordinator would have it.
        await nodes.Catalog.WriteAsync(session => session.ExecuteAsync("UPDATE dos_jobs SET retried = 77 WHERE job_id = @job", new { job = job.Id.Value }));
        try
        {
            Assert.Equal(0, (await nodes.Machine.Jobs.StatusAsync(job.Id)).TasksRetried);
            nodes.Stage.IsLeaseLost = true;
            Assert.Equal(77, (await nodes.Machine.Jobs.StatusAsync(job.Id)).TasksRetried);
        }
        finally
        {
            nodes.Stage.IsLeaseLost = false;
            gate.SetResult();
        }
        Assert.Equal(JobState.Succeeded, (await EndAsync(job.Id)).State);
    }

    /// <summary>An output that was lost and made again by an attempt with a lower number, which had gone on elsewhere.</summary>
    [Fact]
    public async Task Journal_KeepsTheAttemptThatWasAcceptedLast()
    {
        var (job, epoch) = (new JobId(long.MaxValue), 7L);
        var journal = new JobJournal(nodes.Catalog, nodes.Service<Serializer>(), TimeProvider.System);
        var target = ObjectId.Job(job).ToString();
        await nodes.Catalog.WriteAsync(session => session.ExecuteAsync(
            "INSERT INTO dos_owners(object, epoch, node_id, incarnation, predecessors) VALUES (@target, @epoch, 'n-none', 1, '[]')", new { target, epoch }));
        try
        {
            foreach (var attempt in new[] { 2, 1 })
            {
                var report = new TaskReport { Job = job, Task = 3, Attempt = attempt, Output = $"/{attempt}" };
                await journal.AcceptAsync(job, epoch, [(new NodeId("n-a"), report, TaskLayer.Map)], new JobProgress(JobState.Mapping, 0, 0));
            }
            Assert.Equal("/1", Assert.Single(await journal.LoadAsync(job)).Output);
        }
        finally
        {
            await nodes.Catalog.WriteAsync(async session =>
            {
                await session.ExecuteAsync("DELETE FROM dos_job_tasks WHERE job_id = @job", new { job = job.Value });
                return await session.ExecuteAsync("DELETE FROM dos_owners WHERE object = @target", new { target });
            });
        }
    }
}
