using System.Security.Cryptography;
using System.Text;
using Orleans.Concurrency;
using Orleans.DOS.Catalog;
using Orleans.DOS.Files;
using Orleans.DOS.Nodes;
using Orleans.DOS.Processes;
using Orleans.DOS.Security;
using Xunit;
using static Orleans.DOS.Grains.Tests.Processes.NodesInProcess;

namespace Orleans.DOS.Grains.Tests.Processes;

[Collection(SqliteNodesCollection.Name)]
public sealed class SqliteProcessGrainTests(SqliteNodes nodes) : ProcessGrainTests(nodes);

[Collection(PostgresNodesCollection.Name)]
public sealed class PostgresProcessGrainTests(PostgresNodes nodes) : ProcessGrainTests(nodes);

/// <summary>The process table over two whole nodes with real workers.</summary>
public abstract partial class ProcessGrainTests(NodesInProcess nodes)
{
    private static readonly NodeId Gone = new("n-gone");
    private static readonly ProcessSpec Forever = new() { Program = "sleep", Arguments = ["600"] };

    [Fact]
    public async Task SpawnWaitExit_CostTwoCommits()
    {
        // Numbers come in blocks: the block's own commit is not the process'.
        await RunAsync(new ProcessSpec { Program = "true" });
        var before = ProcessCommits().Count;
        var ended = await RunAsync(new ProcessSpec { Program = "false" });
        Assert.Equal((ProcessState.Exited, 1), (ended.State, ended.ExitCode));
        var commits = ProcessCommits().Skip(before).ToList();
        Assert.True(commits.Count == 2, string.Join("\n---\n", commits));
    }

    [Fact]
    public async Task Spawn_Repeated_AnswersTheSamePid_AndForSomethingElseIsDiverged()
    {
        var call = Call();
        var first = await nodes.Table.SpawnAsync(call, new ProcessSpec { Program = "echo", Arguments = ["a"] });
        Assert.Equal(first.Pid, (await nodes.Table.SpawnAsync(call, new ProcessSpec { Program = "echo", Arguments = ["a"] })).Pid);
        Assert.Equal(DosErrorCode.StepDiverged, await CodeAsync(() => nodes.Table.SpawnAsync(call, new ProcessSpec { Program = "echo", Arguments = ["b"] })));
    }

    [Fact]
    public async Task Spawn_OfUnknownProgram_IsRefused_AndLeavesNoRow()
    {
        var before = await RunAsync(new ProcessSpec { Program = "true" });
        Assert.Equal(DosErrorCode.UnknownProgram, await CodeAsync(() => nodes.Table.SpawnAsync(Call(), new ProcessSpec { Program = "nothing" })));
        Assert.Equal(before.Pid, (await nodes.Table.ListAsync(Call(), true, null, 1)).Items.Single().Pid);
        Assert.Equal(DosErrorCode.NoSuchProcess, await CodeAsync(() => nodes.Process(new ProcessId(1_000_000_000)).StatusAsync(Call())));
    }

    [Fact]
    public async Task List_InPages_ShowsAllOnce_NewestFirst()
    {
        var pids = new List<long>();
        for (var i = 0; i < 5; i++)
        {
            pids.Add((await RunAsync(new ProcessSpec { Program = "true" })).Pid.Value);
        }
        var seen = new List<long>();
        for (string? after = null; seen.Count < 5;)
        {
            var page = await nodes.Table.ListAsync(Call(), true, after, 2);
            Assert.Equal(2, page.Items.Count);
            seen.AddRange(page.Items.Select(status => status.Pid.Value));
            after = page.Next;
        }
        Assert.Equal(Enumerable.Reverse(pids), seen.Take(5));
        Assert.DoesNotContain((await nodes.Table.ListAsync(Call(), false, null, 100)).Items, status => status.HasEnded);
    }

    [Theory]
    [InlineData(ProcessSignal.Terminate, 143)]
    [InlineData(ProcessSignal.Kill, 137)]
    public async Task Signal_EndsForGood_AndTheRestartPolicyStaysVisible(ProcessSignal signal, int code)
    {
        var status = await nodes.Table.SpawnAsync(Call(), Forever with { Restart = RestartPolicy.Always });
        var call = Call();
        await nodes.Process(status.Pid).SignalAsync(call, signal);
        var ended = await nodes.Machine.Processes.WaitAsync(status.Pid, Patient());
        Assert.Equal((ProcessState.Exited, code, RestartPolicy.Always, 1L), (ended.State, ended.ExitCode, ended.Restart, ended.Incarnation));
        // A repeat of the one that ended it is answered as it was; another one comes too late.
        await nodes.Process(status.Pid).SignalAsync(call, signal);
        Assert.Equal(DosErrorCode.StepDiverged, await CodeAsync(() => nodes.Process(status.Pid).SignalAsync(call, ProcessSignal.Interrupt)));
        Assert.Equal(DosErrorCode.NotRunning, await CodeAsync(() => nodes.Process(status.Pid).SignalAsync(Call(), signal)));
    }

    [Fact]
    public async Task WorkerKilled_WithPolicy_StartsAgainUnderTheSamePid()
    {
        var status = await nodes.Table.SpawnAsync(Call(), Forever with { Restart = RestartPolicy.OnFailure });
        nodes.KillWorkers(status.Node!.Value);
        await UntilAsync(status.Pid, now => now is { State: ProcessState.Running, Incarnation: >= 2, Restarts: >= 1 });
        await nodes.Machine.Processes.SignalAsync(status.Pid, ProcessSignal.Kill);
        Assert.Equal(137, (await nodes.Machine.Processes.WaitAsync(status.Pid, Patient())).ExitCode);
    }

    [Fact]
    public async Task ExitOfAStaleIncarnation_OrOfAnotherNode_ChangesNothing()
    {
        var status = await nodes.Table.SpawnAsync(Call(), Forever);
        await nodes.Door(status.Pid).ExitedAsync(status.Node!.Value, status.Incarnation + 1, new ProcessExit(7, null, DateTimeOffset.UtcNow));
        await nodes.Door(status.Pid).ExitedAsync(Gone, status.Incarnation, new ProcessExit(7, null, DateTimeOffset.UtcNow));
        Assert.Equal(ProcessState.Running, (await nodes.Process(status.Pid).StatusAsync(Call())).State);
        await nodes.Machine.Processes.SignalAsync(status.Pid, ProcessSignal.Kill);
        Assert.Equal(137, (await nodes.Machine.Processes.WaitAsync(status.Pid, Patient())).ExitCode);
    }

    [Fact]
    public async Task Pending_StartsWhenThereIsRoom()
    {
        var pid = await SpawnWithoutRoomAsync(new ProcessSpec { Program = "echo", Arguments = ["late"] });
        nodes.Stage.IsFull = false;
        var ended = await nodes.Machine.Processes.WaitAsync(pid, Patient());
        Assert.Equal((0, 1L), (ended.ExitCode, ended.Incarnation));
        Assert.Equal("late\n", Encoding.UTF8.GetString(await OutputAsync(pid)));
    }

    [Fact]
    public async Task StartForAnotherStartOfTheNode_IsRefused()
    {
        var view = nodes.Service<INodeView>();
        var programs = nodes.Service<INodeClients>().Programs(view.Self);
        var start = new ProcessStart
        {
            Machine = MachineId.Main, MachineName = "main", Pid = new ProcessId(9_000_001), Incarnation = 1, Spec = Forever, Principal = Principal.Admin,
            NodeIncarnation = view.Incarnation + 1,
        };
        Assert.Equal(DosErrorCode.Unavailable, await CodeAsync(() => programs.StartAsync(start)));
        Assert.Equal(DosErrorCode.NoSuchProcess, await CodeAsync(() => programs.WaitExitAsync(start.Pid, 1, wait: false)));
        await programs.StartAsync(start with { NodeIncarnation = view.Incarnation });
        Assert.Null(await programs.WaitExitAsync(start.Pid, 1, wait: false));
        await programs.SignalAsync(start.Pid, 1, ProcessSignal.Kill);
    }

    [Fact]
    public async Task Pending_BehindManyThatFitNowhere_StartsWhenThereIsRoom()
    {
        var nowhere = new ProcessSpec { Program = "true", Labels = new Dictionary<string, string> { ["zone"] = "none" } };
        try
        {
            await Parallel.ForEachAsync(Enumerable.Range(0, 510), async (_, _) => await nodes.Table.SpawnAsync(Call(), nowhere));
            var pid = await SpawnWithoutRoomAsync(new ProcessSpec { Program = "true" });
            nodes.Stage.IsFull = false;
            Assert.Equal(0, (await nodes.Machine.Processes.WaitAsync(pid, Patient())).ExitCode);
        }
        finally
        {
            await nodes.Catalog.WriteAsync(session => session.ExecuteAsync("DELETE FROM dos_processes WHERE state = 1"));
        }
    }

    [Fact]
    public async Task Labels_AreCheckedAsArgumentsAre()
    {
        var spec = new ProcessSpec { Program = "true", Labels = new Dictionary<string, string> { ["zone"] = "a\0b" } };
        Assert.Equal(DosErrorCode.InvalidArgument, await CodeAsync(() => nodes.Table.SpawnAsync(Call(), spec)));
        Assert.Equal(DosErrorCode.InvalidArgument, await CodeAsync(() => nodes.Table.SpawnAsync(Call(), spec with { Labels = null! })));
    }

    [Fact]
    public async Task AskedToEndBeforeItsStartArrived_EndsWithoutEverRunning()
    {
        var view = nodes.Service<INodeView>();
        var pid = await SpawnWithoutRoomAsync(Forever with { Restart = RestartPolicy.Always });
        await nodes.Catalog.WriteAsync(session => session.ExecuteAsync(
            "UPDATE dos_processes SET state = @state, node_id = @node, node_incarnation = @incarnation, started_at = 1, asked_to_end = @signal WHERE pid = @pid",
            new { pid = pid.Value, node = view.Self.Value, incarnation = view.Incarnation, state = (long)ProcessState.Running, signal = (long)ProcessSignal.Terminate }));
        nodes.Stage.IsFull = false;
        await nodes.NewWarden(0, nodes.Catalog).RoundAsync();
        var status = await nodes.Process(pid).StatusAsync(Call());
        Assert.Equal((ProcessState.Exited, 143), (status.State, status.ExitCode));
    }

    [Fact]
    public async Task Pending_Killed_NeverStarts()
    {
        var pid = await SpawnWithoutRoomAsync(Forever with { Restart = RestartPolicy.Always });
        await nodes.Machine.Processes.SignalAsync(pid, ProcessSignal.Kill);
        nodes.Stage.IsFull = false;
        var status = await nodes.Process(pid).StatusAsync(Call());
        Assert.Equal((ProcessState.Exited, 137, RestartPolicy.Always), (status.State, status.ExitCode, status.Restart));
    }

    [Theory]
    [InlineData(RestartPolicy.Never, ProcessState.Failed, 1)]
    [InlineData(RestartPolicy.OnFailure, ProcessState.Exited, 2)]
    public async Task FencedNode_LosesItsProcesses_ByTheirPolicy(RestartPolicy restart, ProcessState expected, long incarnation)
    {
        var node = new NodeId("n-gone-" + restart);
        var pid = await SpawnWithoutRoomAsync(new ProcessSpec { Program = "true", Restart = restart });
        await PutOnAsync(pid, node, ProcessState.Running);
        nodes.Stage.IsFull = false;
        nodes.Stage.Fenced[node] = true;
        var ended = await nodes.Machine.Processes.WaitAsync(pid, Patient());
        Assert.Equal((expected, incarnation), (ended.State, ended.Incarnation));
        Assert.Equal(expected == ProcessState.Failed ? ProcessLifecycle.NodeLost : null, ended.Reason);
        Assert.Equal(expected == ProcessState.Exited, ended.Node is { } elsewhere && nodes.NodeIds.Contains(elsewhere));
    }

    [Fact]
    public async Task NodeThatIsAwayButNotFenced_KeepsItsProcesses()
    {
        var node = new NodeId("n-away");
        nodes.Stage.Fenced[node] = false;
        var pid = await SpawnWithoutRoomAsync(Forever with { Restart = RestartPolicy.Always });
        await PutOnAsync(pid, node, ProcessState.Running);
        nodes.Stage.IsFull = false;
        await nodes.Warden(0).RoundAsync();
        await nodes.Warden(1).RoundAsync();
        Assert.Equal((ProcessState.Running, 1L), await nodes.Process(pid).StatusAsync(Call()) is { } status ? (status.State, status.Incarnation) : default);
        nodes.Stage.Fenced[node] = true;
        await UntilAsync(pid, now => now is { Incarnation: 2, State: ProcessState.Running });
        await nodes.Machine.Processes.SignalAsync(pid, ProcessSignal.Kill);
    }

    [Fact]
    public async Task CapturedOutput_OfALostNode_IsToldToBeGone_NotEmpty()
    {
        var node = new NodeId("n-lost-output");
        nodes.Stage.Fenced[node] = false;
        var pid = await SpawnWithoutRoomAsync(Forever);
        await PutOnAsync(pid, node, ProcessState.Exited);
        nodes.Stage.IsFull = false;
        Task<OutputChunk> ReadAsync() => nodes.Process(pid).ReadOutputAsync(Call(), OutputStream.StandardOutput, 0, false);
        Assert.Equal(DosErrorCode.Unavailable, await CodeAsync(ReadAsync));
        nodes.Stage.Fenced[node] = true;
        Assert.Equal(DosErrorCode.NoSuchProcess, await CodeAsync(ReadAsync));
        // The node has started again: it is there, and knows nothing of the incarnation before.
        await PutOnAsync(pid, nodes.NodeIds[0], ProcessState.Exited);
        Assert.Equal(DosErrorCode.NoSuchProcess, await CodeAsync(ReadAsync));
        Assert.Equal(["status"], (await nodes.Machine.Files.ListAsync($"/proc/{pid}")).Items.Select(item => item.Name));
    }

    [Fact]
    public async Task WorkingDirectory_IsWhereRelativePathsBegin()
    {
        await nodes.Machine.Files.MakeDirectoryAsync("/here");
        await nodes.Machine.Files.WriteAllBytesAsync("/here/relative", "found"u8.ToArray());
        var ended = await RunAsync(new ProcessSpec { Program = "cat", Arguments = ["relative"], WorkingDirectory = "/here" });
        Assert.Equal((0, "found"), (ended.ExitCode, Encoding.UTF8.GetString(await OutputAsync(ended.Pid))));
    }

    [Fact]
    public async Task InputRepeatedAfterTheEnd_IsRecognised_AndNewInputIsRefused()
    {
        var status = await nodes.Table.SpawnAsync(Call(), new ProcessSpec { Program = "cat", HasStandardInput = true });
        var (door, data) = (nodes.Process(status.Pid), new Immutable<byte[]>([1, 2, 3]));
        Assert.Equal(3, await door.WriteInputAsync(Call(), 0, data));
        await door.CloseInputAsync(Call());
        await nodes.Machine.Processes.WaitAsync(status.Pid, Patient());
        Assert.Equal(3, await door.WriteInputAsync(Call(), 0, data));
        await door.CloseInputAsync(Call());
        Assert.Equal(DosErrorCode.NotRunning, await CodeAsync(() => door.WriteInputAsync(Call(), 3, data)));
    }

    [Fact]
    public async Task EveryGrainDeactivatedAgainAndAgain_NoProgramNotices()
    {
        const int programs = 3;
        var inputs = Enumerable.Range(0, programs).Select(Lines).ToArray();
        using var done = new CancellationTokenSource();
        var storm = StormAsync(done.Token);
        var outputs = await Task.WhenAll(inputs.Select(PipeAsync));
        await done.CancelAsync();
        var rounds = await storm;
        for (var i = 0; i < programs; i++)
        {
            Assert.True(inputs[i].AsSpan().SequenceEqual(outputs[i]), $"program {i} gave back {outputs[i].Length} of {inputs[i].Length} bytes, or others");
        }
        Assert.True(rounds > 3, $"only {rounds} rounds of deactivation");
    }

    /// <summary>Input through a real cat and back, in small pieces, so that many calls meet grains that are going.</summary>
    private async Task<byte[]> PipeAsync(byte[] input)
    {
        const int piece = 16 * 1024;
        var processes = nodes.Machine.Processes;
        var status = await processes.SpawnAsync(new ProcessSpec { Program = "cat", HasStandardInput = true });
        var reading = OutputAsync(status.Pid);
        for (var position = 0; position < input.Length; position += piece)
        {
            await processes.WriteInputAsync(status.Pid, position, input.AsMemory(position, Math.Min(piece, input.Length - position)), Patient());
        }
        await processes.CloseInputAsync(status.Pid);
        var output = await reading;
        var ended = await processes.WaitAsync(status.Pid, Patient());
        Assert.Equal((ProcessState.Exited, 0, 1L, 0), (ended.State, ended.ExitCode, ended.Incarnation, ended.Restarts));
        return output;
    }

    private async Task<int> StormAsync(CancellationToken cancellationToken)
    {
        var rounds = 0;
        while (!cancellationToken.IsCancellationRequested)
        {
            await nodes.DeactivateAllAsync();
            rounds++;
        }
        return rounds;
    }

    private static byte[] Lines(int seed)
    {
        var bytes = new byte[Environment.GetEnvironmentVariable("DOS_TEST_DOSE") == "full" ? 1024 * 1024 : 256 * 1024];
        new Random(seed).NextBytes(bytes);
        return Encoding.UTF8.GetBytes(Convert.ToHexString(SHA256.HashData(bytes)) + "\n" + Convert.ToHexString(bytes));
    }

    [Fact]
    public async Task Output_OfEachStart_CanBeRead_WhenTheProcessWasStartedAgain()
    {
        var ended = await RunAsync(new ProcessSpec { Program = "echo", Arguments = ["hi"], Restart = RestartPolicy.Always });
        Assert.Equal(ProcessLifecycle.RestartsMax, ended.Restarts);
        // The follower comes when all is over, and still finds each start's.
        List<string> lines = [];
        await foreach (var chunk in nodes.Machine.Processes.FollowOutputAsync(ended.Pid, OutputStream.StandardOutput, incarnation: 1, cancellationToken: Patient()))
        {
            lines.Add($"{chunk.Incarnation} {Encoding.UTF8.GetString(chunk.Data)}");
        }
        Assert.Equal(Enumerable.Range(1, ProcessLifecycle.RestartsMax + 1).Select(start => $"{start} hi\n"), lines);
    }

    [Fact]
    public async Task Output_OfAStartThatNoNodeKnows_IsEmptyAndAtItsEnd()
    {
        var ended = await RunAsync(new ProcessSpec { Program = "false", Restart = RestartPolicy.OnFailure });
        nodes.ForgetOutput(ended.Pid, 1);
        var chunk = await nodes.Machine.Processes.ReadOutputAsync(ended.Pid, OutputStream.StandardOutput, 5, wait: true, incarnation: 1, Patient());
        Assert.Equal((5L, 0, true, 1L), (chunk.Position, chunk.Data.Length, chunk.End, chunk.Incarnation));
    }

    private async Task<byte[]> OutputAsync(ProcessId pid)
    {
        using var output = new MemoryStream();
        while (true)
        {
            var chunk = await nodes.Machine.Processes.ReadOutputAsync(pid, OutputStream.StandardOutput, output.Length, wait: true, cancellationToken: Patient());
            Assert.Equal(output.Length, chunk.Position);
            output.Write(chunk.Data);
            if (chunk.End)
            {
                return output.ToArray();
            }
        }
    }

    private async Task<ProcessStatus> RunAsync(ProcessSpec spec)
    {
        var status = await nodes.Machine.Processes.SpawnAsync(spec);
        return await nodes.Machine.Processes.WaitAsync(status.Pid, Patient());
    }

    private async Task<ProcessId> SpawnWithoutRoomAsync(ProcessSpec spec)
    {
        nodes.Stage.IsFull = true;
        var status = await nodes.Table.SpawnAsync(Call(), spec);
        Assert.Equal((ProcessState.Pending, "no node is ready"), (status.State, status.Reason));
        return status.Pid;
    }

    /// <summary>As if it had been started on that node, long ago.</summary>
    private Task PutOnAsync(ProcessId pid, NodeId node, ProcessState state) => nodes.Catalog.WriteAsync(session => session.ExecuteAsync(
        "UPDATE dos_processes SET state = @state, node_id = @node, node_incarnation = 1, started_at = 1, ended_at = @ended WHERE pid = @pid",
        new { pid = pid.Value, node = node.Value, state = (long)state, ended = state == ProcessState.Exited ? CatalogTime.From(DateTimeOffset.UtcNow) : (long?)null }));

    private Task UntilAsync(ProcessId pid, Func<ProcessStatus, bool> holds) =>
        Poll.UntilAsync(async () => holds(await nodes.Process(pid).StatusAsync(Call())), Patience);

    private List<string> ProcessCommits() => [.. nodes.Commits.Where(commit => commit.Contains("dos_processes", StringComparison.Ordinal) || commit.Contains("dos_requests", StringComparison.Ordinal))];

    private static async Task<DosErrorCode> CodeAsync(Func<Task> call) => (await Assert.ThrowsAsync<DosException>(call)).Code;

    private static CancellationToken Patient() => new CancellationTokenSource(Patience).Token;
}
