using System.Text;
using Orleans.DOS.Catalog;
using Orleans.DOS.Files;
using Orleans.DOS.Grains.Tests.Processes;
using Orleans.DOS.Jobs;
using Xunit;
using static Orleans.DOS.Grains.Tests.Processes.NodesInProcess;

namespace Orleans.DOS.Grains.Tests.Jobs;

[Collection(SqliteNodesCollection.Name)]
public sealed class SqliteJobGrainTests(SqliteNodes nodes) : JobGrainTests(nodes);

[Collection(PostgresNodesCollection.Name)]
public sealed class PostgresJobGrainTests(PostgresNodes nodes) : JobGrainTests(nodes);

/// <summary>Jobs over two whole nodes with real workers, against the single-threaded twin.</summary>
public abstract partial class JobGrainTests(NodesInProcess nodes) : IDisposable
{
    private const int RangeBytes = 64 * 1024;
    private readonly string _place = "/in-" + Guid.NewGuid().ToString("n");

    public void Dispose()
    {
        nodes.Tasks.Reset();
        RefusePlans(false);
        GC.SuppressFinalize(this);
    }

    [Theory]
    [InlineData("wordcount", 3)]
    [InlineData("sort", 4)]
    public async Task Job_EqualsTheSingleThreadedTwin(string program, int partitions)
    {
        var inputs = await PutInputsAsync(3, 300_000);
        var ended = await RunAsync(Spec(program, partitions));
        Assert.Equal((JobState.Succeeded, null), (ended.State, ended.Reason));
        Assert.True(ended.Tasks > 10, $"only {ended.Tasks} tasks");
        Assert.Equal((ended.Tasks, 0, ended.BytesTotal), (ended.TasksDone, ended.TasksRetried, ended.BytesDone));
        await AssertResultAsync(ended, program, inputs, partitions);
        await AssertNoScratchAsync(ended.Id);
    }

    [Fact]
    public async Task CoordinatorDeactivatedInTheMiddle_GoesOn_AndNoFinishedTaskRunsAgain()
    {
        var inputs = await PutInputsAsync(3, 300_000);
        var (some, gate) = (new TaskCompletionSource(), new TaskCompletionSource());
        nodes.Tasks.Before = async task =>
        {
            if (task.Task >= 6)
            {
                some.TrySetResult();
                await gate.Task;
            }
        };
        var job = await nodes.Machine.Jobs.SubmitAsync(Spec("wordcount", 3));
        await some.Task.WaitAsync(Patience);
        // Six tasks end; the others wait before the gate.
        await Poll.UntilAsync(async () => (await JournaledAsync(job.Id)).Count >= 6, Patience);
        var finished = await JournaledAsync(job.Id);
        var starts = finished.ToDictionary(task => task, task => nodes.Tasks.StartsOf(job.Id, task));
        for (var round = 0; round < 3; round++)
        {
            await nodes.DeactivateAllAsync();
        }
        nodes.Tasks.Reset();
        gate.SetResult();
        var ended = await EndAsync(job.Id);
        await AssertResultAsync(ended, "wordcount", inputs, 3);
        Assert.All(finished, task => Assert.Equal(starts[task], nodes.Tasks.StartsOf(job.Id, task)));
        Assert.True(nodes.Tasks.Started.Where(start => start.Job == job.Id).Select(start => start.Epoch).Distinct().Count() > 1, "the coordinator was never replaced");
    }

    /// <summary>Two reducers of three have ended, and the third one waits.</summary>
    [Theory]
    [InlineData(ResultOrder.InOrder)]
    [InlineData(ResultOrder.AsTheyCome)]
    public async Task Results_CanBeReadBeforeTheLastOneIsThere(ResultOrder order)
    {
        var inputs = await PutInputsAsync(3, 100_000);
        var gate = new TaskCompletionSource();
        var maps = 0;
        nodes.Tasks.Before = async task =>
        {
            // The reducers come after the maps: the middle one is held up.
            maps = task.Kind == TaskKind.Map ? Math.Max(maps, task.Task + 1) : maps;
            if (task.Kind == TaskKind.Reduce && task.Task == maps + 1)
            {
                await gate.Task;
            }
        };
        var job = await nodes.Machine.Jobs.SubmitAsync(Spec("wordcount", 3));
        var early = order == ResultOrder.InOrder ? 1 : 2;
        using var patience = new CancellationTokenSource(Patience);
        var seen = new List<int>();
        await foreach (var result in nodes.Machine.ResultsAsync(job.Id, order, patience.Token))
        {
            seen.Add(result.Part);
            Assert.NotEmpty(await nodes.Machine.Files.ReadAllBytesAsync(result.Path));
            Assert.Equal(seen.Count > early, gate.Task.IsCompleted);
            if (seen.Count == early)
            {
                Assert.False((await nodes.Machine.Jobs.StatusAsync(job.Id)).HasEnded);
                gate.SetResult();
            }
        }
        Assert.Equal(order == ResultOrder.InOrder ? [0, 1, 2] : [0, 2, 1], order == ResultOrder.InOrder ? seen : [.. seen.Take(2).Order(), seen[2]]);
        await AssertResultAsync(await EndAsync(job.Id), "wordcount", inputs, 3);
    }

    [Fact]
    public async Task Cancel_TakesAwayWhatHadCome_AndReadersAreTold()
    {
        await PutInputsAsync(3, 100_000);
        var gate = new TaskCompletionSource();
        nodes.Tasks.Before = task => task.Kind == TaskKind.Reduce && task.Task % 3 == 0 ? gate.Task : Task.CompletedTask;
        var job = await nodes.Machine.Jobs.SubmitAsync(Spec("wordcount", 3));
        using var patience = new CancellationTokenSource(Patience);
        var failure = await Assert.ThrowsAsync<DosException>(async () =>
        {
            await foreach (var result in nodes.Machine.ResultsAsync(job.Id, ResultOrder.AsTheyCome, patience.Token))
            {
                await nodes.Machine.Jobs.CancelAsync(job.Id);
            }
        });
        gate.SetResult();
        Assert.Equal(DosErrorCode.NotRunning, failure.Code);
        Assert.Empty((await nodes.Machine.Files.ListAsync(job.Output)).Items);
    }

    [Fact]
    public async Task WorkersKilled_TheirTasksRunAgain_AndTheResultIsExact()
    {
        var inputs = await PutInputsAsync(3, 300_000);
        var kills = 2;
        nodes.Tasks.After = (node, task) =>
        {
            if (task.Attempt == 1 && Interlocked.Decrement(ref kills) >= 0)
            {
                nodes.KillWorkers(node);
            }
        };
        var ended = await RunAsync(Spec("sort", 3));
        Assert.True(ended.TasksRetried > 0, "nothing was retried");
        await AssertResultAsync(ended, "sort", inputs, 3);
        await AssertNoScratchAsync(ended.Id);
    }

    [Fact]
    public async Task TaskThatAlwaysLosesItsWorker_FailsTheJobAtTheAttemptsLimit_WithTheReason()
    {
        await PutInputsAsync(1, 100_000);
        nodes.Tasks.After = (node, _) => nodes.KillWorkers(node);
        var ended = await RunAsync(Spec("wordcount", 1) with { AttemptsMax = 2 });
        Assert.Equal(JobState.Failed, ended.State);
        Assert.Contains("WorkerLost", ended.Reason);
        Assert.Empty(ended.Results);
        await AssertNoScratchAsync(ended.Id);
    }

    [Fact]
    public async Task Cancel_EndsTheJob_AndLeavesNoTemporaryFiles()
    {
        await PutInputsAsync(3, 300_000);
        var (some, gate) = (new TaskCompletionSource(), new TaskCompletionSource());
        nodes.Tasks.Before = async task =>
        {
            if (task.Task >= 4)
            {
                some.TrySetResult();
                await gate.Task;
            }
        };
        var job = await nodes.Machine.Jobs.SubmitAsync(Spec("wordcount", 3));
        await some.Task.WaitAsync(Patience);
        await nodes.Machine.Jobs.CancelAsync(job.Id);
        // A start that was on its way arrives after the end.
        gate.SetResult();
        Assert.Equal(JobState.Cancelled, (await EndAsync(job.Id)).State);
        await nodes.Machine.Jobs.CancelAsync(job.Id);
        await Poll.UntilAsync(() => Task.FromResult(nodes.TasksRunning == 0), Patience);
        await AssertNoScratchAsync(job.Id);
    }

    [Fact]
    public async Task Cancel_WhileEveryGrainIsDeactivated_HoldsInTheEnd()
    {
        await PutInputsAsync(3, 300_000);
        var (some, gate) = (new TaskCompletionSource(), new TaskCompletionSource());
        nodes.Tasks.Before = async task =>
        {
            some.TrySetResult();
            await gate.Task;
        };
        var job = await nodes.Machine.Jobs.SubmitAsync(Spec("wordcount", 3));
        await some.Task.WaitAsync(Patience);
        var storm = nodes.DeactivateAllAsync();
        await nodes.Machine.Jobs.CancelAsync(job.Id);
        gate.SetResult();
        await storm;
        Assert.Equal(JobState.Cancelled, (await EndAsync(job.Id)).State);
        await Poll.UntilAsync(() => Task.FromResult(nodes.TasksRunning == 0), Patience);
        await AssertNoScratchAsync(job.Id);
    }

    [Fact]
    public async Task Submit_OfUnknownProgramOrMissingInput_IsRefused()
    {
        await PutInputsAsync(1, 1000);
        Assert.Equal(DosErrorCode.UnknownProgram, await CodeAsync(Spec("nothing", 1)));
        Assert.Equal(DosErrorCode.NoSuchPath, await CodeAsync(Spec("wordcount", 1) with { Inputs = ["/there/is/none"] }));
    }

    [Fact]
    public async Task Submit_Repeated_IsTheSameJob_AndForSomethingElseIsDiverged()
    {
        await PutInputsAsync(1, 1000);
        var table = nodes.Grains.GetGrain<IJobTableGrain>(GrainKeys.Machine(MachineId.Main));
        var call = Call();
        var first = await table.SubmitAsync(call, Spec("wordcount", 1));
        Assert.Equal(first.Id, (await table.SubmitAsync(call, Spec("wordcount", 1))).Id);
        var failure = await Assert.ThrowsAsync<DosException>(() => table.SubmitAsync(call, Spec("wordcount", 2)));
        Assert.Equal(DosErrorCode.StepDiverged, failure.Code);
        await EndAsync(first.Id);
        Assert.Equal(first.Id, (await table.SubmitAsync(call, Spec("wordcount", 1))).Id);
    }

    [Fact]
    public async Task Submit_IntoThePlaceOfAJobUnderWay_IsInUse_AndAfterItsEndIsNotEmpty()
    {
        await PutInputsAsync(1, 1000);
        var gate = new TaskCompletionSource();
        nodes.Tasks.Before = _ => gate.Task;
        var spec = Spec("wordcount", 1) with { Output = _place + "-out" };
        var submissions = await Task.WhenAll(Enumerable.Range(0, 4).Select(_ => OutcomeAsync(spec)));
        var job = Assert.Single(submissions.Select(outcome => outcome.Job).OfType<JobId>());
        Assert.Equal(3, submissions.Count(outcome => outcome.Code == DosErrorCode.InUse));
        Assert.Equal(DosErrorCode.InUse, await CodeAsync(spec with { Output = $"{_place}-out/./" }));
        gate.SetResult();
        Assert.Equal(JobState.Succeeded, (await EndAsync(job)).State);
        Assert.Equal(DosErrorCode.DirectoryNotEmpty, await CodeAsync(spec));
    }

    [Fact]
    public async Task OutputFilledBeforeThePlanIsMade_FailsTheJobAndReplacesNothing()
    {
        await PutInputsAsync(1, 1000);
        RefusePlans(true);
        var output = _place + "-out";
        var job = await nodes.Machine.Jobs.SubmitAsync(Spec("wordcount", 1) with { Output = output });
        await nodes.Machine.Files.MakeDirectoryAsync(output, parents: true);
        await nodes.Machine.Files.PutSmallAsync(output + "/part-00000", "mine"u8.ToArray());
        // Plans stay refused: a try that looked before the file was there must not get through.
        var ended = await EndAsync(job.Id);
        Assert.Equal(JobState.Failed, ended.State);
        Assert.Contains("DirectoryNotEmpty", ended.Reason);
        await using var handle = await nodes.Machine.Files.OpenAsync(output + "/part-00000");
        Assert.Equal("mine"u8.ToArray(), (await handle.ReadAsync(0, 100)).ToArray());
    }

    [Fact]
    public async Task Cancel_WhilePlanningIsUnavailable_EndsTheJob()
    {
        await PutInputsAsync(1, 1000);
        RefusePlans(true);
        var job = await nodes.Machine.Jobs.SubmitAsync(Spec("wordcount", 1));
        await nodes.Machine.Jobs.CancelAsync(job.Id);
        Assert.Equal(JobState.Cancelled, (await EndAsync(job.Id)).State);
    }

    [Fact]
    public async Task CallForAnotherMachine_IsDenied()
    {
        await PutInputsAsync(1, 1000);
        var job = (await RunAsync(Spec("wordcount", 1))).Id;
        var grain = nodes.Grains.GetGrain<IJobGrain>(GrainKeys.Job(MachineId.Main, job));
        var foreign = Call() with { Machine = new MachineId(77) };
        Func<Task>[] calls = [() => grain.StatusAsync(foreign), () => grain.WatchAsync(foreign, null), () => grain.CancelAsync(foreign)];
        foreach (var call in calls)
        {
            Assert.Equal(DosErrorCode.PermissionDenied, (await Assert.ThrowsAsync<DosException>(call)).Code);
        }
    }

    [Fact]
    public async Task Sweep_OfMoreJobsThanAPageHolds_ForgetsAllPastTheirRetention()
    {
        const int Old = 250;
        await nodes.Catalog.WriteAsync(async session =>
        {
            for (var job = 0; job < Old; job++)
            {
                await session.ExecuteAsync(
                    "INSERT INTO dos_jobs(job_id, machine_id, state, program, spec, owner, uid, gid, output, created_at, ended_at) "
                    + "VALUES (@job, 1, @state, 'old', @spec, 'admin', 0, 0, '/old', 1, 1)",
                    new { job = 9_000_000L + job, state = (long)JobState.Succeeded, spec = Array.Empty<byte>() });
            }
            return 0;
        });
        await nodes.Service<JobWarden>().SweepAsync();
        Assert.Empty(await nodes.Catalog.ReadAsync(session => session.QueryAsync<long>("SELECT job_id FROM dos_jobs WHERE program = 'old'")));
    }

    /// <summary>Whether storing a job's plan is Unavailable on every node.</summary>
    private void RefusePlans(bool areRefused) => nodes.Catalogs.ForEach(catalog => catalog.Refuse = sql =>
        areRefused && sql.Contains("SET plan", StringComparison.Ordinal) ? new DosException(DosErrorCode.Unavailable, "staged") : null);

    private async Task<(JobId? Job, DosErrorCode? Code)> OutcomeAsync(JobSpec spec)
    {
        try
        {
            return ((await nodes.Machine.Jobs.SubmitAsync(spec)).Id, null);
        }
        catch (DosException refused)
        {
            return (null, refused.Code);
        }
    }

    private JobSpec Spec(string program, int partitions) => new() { Program = program, Inputs = [_place], RangeBytes = RangeBytes, Partitions = partitions };

    private async Task<JobStatus> RunAsync(JobSpec spec) => await EndAsync((await nodes.Machine.Jobs.SubmitAsync(spec)).Id);

    private async Task<JobStatus> EndAsync(JobId job)
    {
        using var patience = new CancellationTokenSource(Patience);
        await foreach (var status in nodes.Machine.Jobs.WatchAsync(job, patience.Token))
        {
            if (status.HasEnded)
            {
                return status;
            }
        }
        return await nodes.Machine.Jobs.StatusAsync(job);
    }

    private async Task<DosErrorCode> CodeAsync(JobSpec spec) => (await Assert.ThrowsAsync<DosException>(() => nodes.Machine.Jobs.SubmitAsync(spec))).Code;

    private async Task<List<byte[]>> PutInputsAsync(int files, int bytes)
    {
        await nodes.Machine.Files.MakeDirectoryAsync(_place);
        var inputs = new List<byte[]>();
        for (var file = 0; file < files; file++)
        {
            inputs.Add(Text(file, bytes));
            await using var handle = await nodes.Machine.Files.OpenAsync($"{_place}/{file}", new FileOpenOptions { Create = true });
            for (var position = 0; position < bytes; position += Limits.FramePayloadBytesMax)
            {
                await handle.WriteAsync(position, inputs[file].AsMemory(position, Math.Min(Limits.FramePayloadBytesMax, bytes - position)));
            }
            await handle.FlushAsync();
        }
        return inputs;
    }

    /// <summary>Lines of words, some of them rare, some empty lines, none of them ending where a range ends.</summary>
    private static byte[] Text(int seed, int bytes)
    {
        var random = new Random(seed);
        var text = new StringBuilder();
        while (text.Length < bytes)
        {
            for (var words = random.Next(0, 12); words > 0; words--)
            {
                text.Append('w').Append(Math.Min(random.Next(1, 3000), random.Next(1, 3000))).Append(words == 1 ? "" : " ");
            }
            text.Append('\n');
        }
        return Encoding.ASCII.GetBytes(text.ToString(0, bytes));
    }

    private async Task AssertResultAsync(JobStatus ended, string program, List<byte[]> inputs, int partitions)
    {
        Assert.Equal((JobState.Succeeded, null), (ended.State, ended.Reason));
        IJobProgram twin = program == "sort" ? new SortJob() : new WordCountJob();
        twin.Configure(new Dictionary<string, string>());
        var expected = JobReference.Run(twin, inputs.Select(input => new MemoryStream(input)), partitions);
        using var actual = new MemoryStream();
        foreach (var result in ended.Results)
        {
            await using var handle = await nodes.Machine.Files.OpenAsync(result);
            for (var position = 0L; await handle.ReadAsync(position, Limits.FramePayloadBytesMax) is { Length: > 0 } piece; position += piece.Length)
            {
                actual.Write(piece.Span);
            }
        }
        Assert.True(expected.AsSpan().SequenceEqual(actual.ToArray()), $"{actual.Length} bytes differ from the {expected.Length} expected");
    }

    private async Task AssertNoScratchAsync(JobId job)
    {
        Assert.DoesNotContain((await nodes.Machine.Files.ListAsync($"/jobs/{job}")).Items, item => item.Name == "tmp");
        Assert.Empty(nodes.ScratchFiles);
    }

    private async Task<IReadOnlyList<int>> JournaledAsync(JobId job) => [.. (await nodes.Catalog.ReadAsync(session =>
        session.QueryAsync<long>("SELECT task FROM dos_job_tasks WHERE job_id = @job", new { job = job.Value }))).Select(task => (int)task)];
}
