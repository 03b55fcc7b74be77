using System.Diagnostics;
using System.Text;
using Orleans.DOS.Processes;
using Xunit;

namespace Orleans.DOS.Grains.Tests.Processes;

public sealed class ProgramHostTests
{
    [Fact]
    public async Task Start_OfEcho_CapturesOutputAndExitCode()
    {
        await using var fixture = new ProgramHostFixture();
        var pid = await fixture.StartAsync(new ProcessSpec { Program = "echo", Arguments = ["one", "two"] });
        Assert.Equal(0, (await fixture.ExitAsync(pid)).ExitCode);
        Assert.Equal("one two\n", await fixture.OutputAsync(pid));
    }

    [Fact]
    public async Task Start_Twice_RunsOnce()
    {
        await using var fixture = new ProgramHostFixture();
        var start = ProgramHostFixture.Start(new ProcessId(7), new ProcessSpec { Program = "echo", Arguments = ["once"] });
        await Task.WhenAll(fixture.Host.StartAsync(start), fixture.Host.StartAsync(start));
        await fixture.ExitAsync(start.Pid);
        await fixture.Host.StartAsync(start);
        Assert.Equal("once\n", await fixture.OutputAsync(start.Pid));
    }

    /// <summary>The worker does not know it yet: what it was told now would be lost, and whoever told it would believe that it is done.</summary>
    [Fact]
    public async Task ProgramThatIsBeingStarted_TakesNothing_AndThenEverything()
    {
        await using var fixture = new ProgramHostFixture();
        var start = ProgramHostFixture.Start(new ProcessId(7), new ProcessSpec { Program = "cat", HasStandardInput = true });
        using var issued = new ManualResetEventSlim();
        var begun = new TaskCompletionSource(TaskCreationOptions.RunContinuationsAsynchronously);
        fixture.Credentials.Issuing = () =>
        {
            begun.TrySetResult();
            issued.Wait();
        };
        var starting = Task.Run(() => fixture.Host.StartAsync(start));
        await begun.Task.WaitAsync(ProgramHostFixture.Patience);
        foreach (var early in new Func<Task>[]
        {
            () => fixture.Host.WriteInputAsync(start.Pid, 1, 0, "x"u8.ToArray()), () => fixture.Host.CloseInputAsync(start.Pid, 1),
            () => fixture.Host.SignalAsync(start.Pid, 1, ProcessSignal.Terminate),
        })
        {
            Assert.Equal(DosErrorCode.NoSuchProcess, (await Assert.ThrowsAsync<DosException>(early)).Code);
        }
        issued.Set();
        await starting;
        await fixture.Host.WriteInputAsync(start.Pid, 1, 0, "x"u8.ToArray());
        await fixture.Host.CloseInputAsync(start.Pid, 1);
        Assert.Equal(0, (await fixture.ExitAsync(start.Pid)).ExitCode);
        Assert.Equal("x", await fixture.OutputAsync(start.Pid));
    }

    /// <summary>Whoever believed that it is not here would end it, or start it once more.</summary>
    [Fact]
    public async Task ProgramThatWaitsForItsWorker_HasNotEndedYet()
    {
        await using var fixture = new ProgramHostFixture();
        var start = ProgramHostFixture.Start(new ProcessId(7), new ProcessSpec { Program = "true" });
        var starting = fixture.Host.StartAsync(start);
        Assert.False(starting.IsCompleted);
        Assert.Null(await fixture.Host.WaitExitAsync(start.Pid, 1, wait: false));
        Assert.Equal(0, (await fixture.ExitAsync(start.Pid)).ExitCode);
        await starting;
        var unknown = await Assert.ThrowsAsync<DosException>(() => fixture.Host.WaitExitAsync(start.Pid, 2, wait: false));
        Assert.Equal(DosErrorCode.NoSuchProcess, unknown.Code);
    }

    [Fact]
    public async Task NodeThatLeaves_BeginsNothing_AndTakesFailuresForItsOwn()
    {
        await using var fixture = new ProgramHostFixture();
        var fails = await fixture.StartAsync(new ProcessSpec { Program = "grep", Arguments = ["word"], HasStandardInput = true });
        var ends = await fixture.StartAsync(new ProcessSpec { Program = "cat", HasStandardInput = true });
        var asked = await fixture.StartAsync(new ProcessSpec { Program = "sleep", Arguments = ["3600"] });
        fixture.Host.Leave();
        var refused = await Assert.ThrowsAsync<DosException>(() => fixture.StartAsync(new ProcessSpec { Program = "true" }));
        Assert.Equal(DosErrorCode.Unavailable, refused.Code);
        await fixture.Host.CloseInputAsync(fails, 1);
        await fixture.Host.CloseInputAsync(ends, 1);
        await fixture.Host.SignalAsync(asked, 1, ProcessSignal.Terminate);
        Assert.Equal(ProcessLifecycle.NodeLost, (await fixture.ExitAsync(fails)).Failure);
        Assert.Equal((0, null), (await fixture.ExitAsync(ends) is var end ? end.ExitCode : -1, end.Failure));
        Assert.Equal((143, null), (await fixture.ExitAsync(asked) is var exit ? exit.ExitCode : -1, exit.Failure));
    }

    [Fact]
    public async Task OutputThatCannotBeKept_IsLost_AndNothingElse()
    {
        await using var fixture = new ProgramHostFixture();
        var neighbour = await fixture.StartAsync(new ProcessSpec { Program = "cat", HasStandardInput = true });
        Directory.Delete(fixture.OutputDirectory, recursive: true);
        await File.WriteAllTextAsync(fixture.OutputDirectory, "not a directory");
        var pid = await fixture.StartAsync(new ProcessSpec { Program = "echo", Arguments = ["lost"] });
        Assert.Equal((0, null), (await fixture.ExitAsync(pid) is var exit ? exit.ExitCode : -1, exit.Failure));
        Assert.Equal("", await fixture.OutputAsync(pid));
        Assert.Equal("lost\n".Length, (await fixture.Host.ReadOutputAsync(pid, 1, OutputStream.StandardOutput, 0, wait: false)).Position);

        File.Delete(fixture.OutputDirectory);
        Directory.CreateDirectory(fixture.OutputDirectory);
        await fixture.Host.WriteInputAsync(neighbour, 1, 0, "lives"u8.ToArray());
        await fixture.Host.CloseInputAsync(neighbour, 1);
        Assert.Equal(0, (await fixture.ExitAsync(neighbour)).ExitCode);
        Assert.Equal("lives", await fixture.OutputAsync(neighbour));
    }

    [Fact]
    public async Task Ended_IsForgottenToMakeRoom_OnlyWhenItsEndWasTold()
    {
        await using var fixture = new ProgramHostFixture(options => options with { EndedMax = 1 });
        var starts = Enumerable.Range(1, 3).Select(pid => ProgramHostFixture.Start(new ProcessId(pid), new ProcessSpec { Program = "true" })).ToList();
        foreach (var start in starts)
        {
            await fixture.Host.StartAsync(start);
            await fixture.ExitAsync(start.Pid);
        }
        Assert.All(starts, start => Assert.NotNull(fixture.Host.WaitExitAsync(start.Pid, 1, wait: false).Result));
        starts.ForEach(start => fixture.Host.Told(start, isLast: true));
        Assert.NotNull(await fixture.Host.WaitExitAsync(starts[2].Pid, 1, wait: false));
        var gone = await Assert.ThrowsAsync<DosException>(() => fixture.Host.WaitExitAsync(starts[0].Pid, 1, wait: false));
        Assert.Equal(DosErrorCode.NoSuchProcess, gone.Code);
    }

    [Fact]
    public async Task Ended_IsForgottenToMakeRoom_WhenEndedOnesKeepTooMuchOutput_ButNeverTheLast()
    {
        await using var fixture = new ProgramHostFixture(options => options with { EndedOutputBytesMax = 10 });
        string[] words = ["four", "four", "more than all"];
        List<ProcessStart> starts = [.. words.Select((word, index) =>
            ProgramHostFixture.Start(new ProcessId(index + 1), new ProcessSpec { Program = "echo", Arguments = [word] }))];
        foreach (var start in starts)
        {
            await fixture.Host.StartAsync(start);
            await fixture.ExitAsync(start.Pid);
        }
        fixture.Host.Told(starts[0], isLast: true);
        fixture.Host.Told(starts[1], isLast: true);
        Assert.Equal(["four\n", "four\n"], [await fixture.OutputAsync(starts[0].Pid), await fixture.OutputAsync(starts[1].Pid)]);
        Assert.Empty(OpenOutputs(fixture));

        fixture.Host.Told(starts[2], isLast: true);

        Assert.Equal("more than all\n", await fixture.OutputAsync(starts[2].Pid));
        Assert.Single(Directory.GetFiles(fixture.OutputDirectory));
        fixture.Host.Forget(starts[2].Pid, 1);
        Assert.Empty(Directory.GetFiles(fixture.OutputDirectory));
    }

    /// <summary>What this test's process has open of a host's output.</summary>
    private static IEnumerable<string> OpenOutputs(ProgramHostFixture fixture) => new DirectoryInfo("/proc/self/fd").GetFiles()
        .Select(open => open.LinkTarget ?? "").Where(target => target.StartsWith(fixture.OutputDirectory, StringComparison.Ordinal));

    [Fact]
    public async Task Start_OfUnknownProgram_IsRefused()
    {
        await using var fixture = new ProgramHostFixture();
        var failure = await Assert.ThrowsAsync<DosException>(() => fixture.StartAsync(new ProcessSpec { Program = "nothing" }));
        Assert.Equal(DosErrorCode.UnknownProgram, failure.Code);
        Assert.Equal(0, fixture.Host.Processes);
    }

    [Fact]
    public async Task WrongUsage_ExitsWithTwo_AndSaysSo()
    {
        await using var fixture = new ProgramHostFixture();
        var pid = await fixture.StartAsync(new ProcessSpec { Program = "sleep", Arguments = ["x"] });
        Assert.Equal(2, (await fixture.ExitAsync(pid)).ExitCode);
        Assert.Contains("invalid time interval 'x'", await fixture.OutputAsync(pid, OutputStream.StandardError));
    }

    [Fact]
    public async Task Input_ReachesTheProgram_AndARepeatIsRecognised()
    {
        await using var fixture = new ProgramHostFixture();
        var pid = await fixture.StartAsync(new ProcessSpec { Program = "sort", HasStandardInput = true });
        var data = Encoding.UTF8.GetBytes("b\na\n");
        Assert.Equal(4, await fixture.Host.WriteInputAsync(pid, 1, 0, data));
        Assert.Equal(4, await fixture.Host.WriteInputAsync(pid, 1, 0, data));
        await fixture.Host.CloseInputAsync(pid, 1);
        Assert.Equal(0, (await fixture.ExitAsync(pid)).ExitCode);
        Assert.Equal("a\nb\n", await fixture.OutputAsync(pid));
    }

    [Fact]
    public async Task Input_NotRead_IsTakenUpToTheBoundOnly()
    {
        await using var fixture = new ProgramHostFixture();
        var pid = await fixture.StartAsync(new ProcessSpec { Program = "sleep", Arguments = ["600"], HasStandardInput = true });
        var (taken, before) = (0L, -1L);
        while (taken > before)
        {
            before = taken;
            taken = await fixture.Host.WriteInputAsync(pid, 1, taken, new byte[100_000]);
        }
        Assert.InRange(taken, Limits.StandardInputBufferBytesMax, Limits.StandardInputBufferBytesMax + WorkerPipeHeader.WindowBytes);
    }

    [Fact]
    public async Task Output_BeyondTheBound_DropsTheOldest_AndPositionsGoOn()
    {
        const int bound = 200_000;
        await using var fixture = new ProgramHostFixture(options => options with { CapturedOutputBytesMax = bound });
        var pid = await fixture.StartAsync(new ProcessSpec { Program = "yes" });
        var chunk = await fixture.Host.ReadOutputAsync(pid, 1, OutputStream.StandardOutput, 0, wait: true);
        var patience = Stopwatch.StartNew();
        while (chunk.Position < 10 * bound)
        {
            Assert.True(patience.Elapsed < ProgramHostFixture.Patience);
            chunk = await fixture.Host.ReadOutputAsync(pid, 1, OutputStream.StandardOutput, chunk.Position + chunk.Data.Length, wait: true);
        }
        await fixture.Host.SignalAsync(pid, 1, ProcessSignal.Terminate);
        Assert.Equal(143, (await fixture.ExitAsync(pid)).ExitCode);
        Assert.InRange(new DirectoryInfo(fixture.OutputDirectory).EnumerateFiles().Sum(file => file.Length), 1, bound);
    }

    [Fact]
    public async Task Kill_EndsTheProgram_AndSparesItsNeighbour()
    {
        await using var fixture = new ProgramHostFixture();
        var victim = await fixture.StartAsync(new ProcessSpec { Program = "sleep", Arguments = ["600"] });
        var neighbour = await fixture.StartAsync(new ProcessSpec { Program = "cat", HasStandardInput = true });
        await fixture.Host.SignalAsync(victim, 1, ProcessSignal.Kill);
        Assert.Equal(137, (await fixture.ExitAsync(victim)).ExitCode);
        await fixture.Host.CloseInputAsync(neighbour, 1);
        Assert.Equal(new ProcessExit(0, null, default), await fixture.ExitAsync(neighbour) with { Ended = default });
    }

    /// <summary>A frozen worker obeys nothing: what a program does that looks at no signal.</summary>
    [Theory]
    [InlineData(ProcessSignal.Terminate)]
    [InlineData(ProcessSignal.Interrupt)]
    [InlineData(ProcessSignal.Kill)]
    public async Task Program_ThatObeysNoSignal_IsKilledWithItsWorker(ProcessSignal signal)
    {
        await using var fixture = new ProgramHostFixture(options => options with
        {
            TerminationGrace = TimeSpan.FromMilliseconds(50), KillGrace = TimeSpan.FromMilliseconds(50),
        });
        var pid = await fixture.StartAsync(new ProcessSpec { Program = "sleep", Arguments = ["600"] });
        var worker = fixture.Host.HostProcessIds.Single();
        using (var stop = Process.Start("kill", ["-STOP", $"{worker}"]))
        {
            await stop.WaitForExitAsync();
        }
        await fixture.Host.SignalAsync(pid, 1, signal);
        Assert.Equal((137, null), await fixture.ExitAsync(pid) is var exit ? (exit.ExitCode, exit.Failure) : default);
        Assert.DoesNotContain(worker, fixture.Host.HostProcessIds);
    }

    [Fact]
    public async Task Environment_ReachesTheProgram()
    {
        await using var fixture = new ProgramHostFixture();
        var pid = await fixture.StartAsync(new ProcessSpec { Program = "env", Environment = new Dictionary<string, string> { ["B"] = "two = 2", ["A"] = "ä" } });
        Assert.Equal(0, (await fixture.ExitAsync(pid)).ExitCode);
        Assert.Equal("A=ä\nB=two = 2\n", await fixture.OutputAsync(pid));
    }

    [Fact]
    public async Task WorkerKilled_EndsItsProgramsAsWorkerLost_AndTheNextStartHasAnother()
    {
        await using var fixture = new ProgramHostFixture();
        var pid = await fixture.StartAsync(new ProcessSpec { Program = "sleep", Arguments = ["600"] });
        using (var worker = Process.GetProcessById(fixture.Host.HostProcessIds.Single()))
        {
            worker.Kill();
        }
        Assert.Equal("WorkerLost", (await fixture.ExitAsync(pid)).Failure);
        var next = await fixture.StartAsync(new ProcessSpec { Program = "true" });
        Assert.Equal(0, (await fixture.ExitAsync(next)).ExitCode);
    }

    [Fact]
    public async Task WorkerKilled_ItsScratchIsRemoved_BeforeItsProgramsHaveEnded()
    {
        await using var fixture = new ProgramHostFixture();
        var pid = await fixture.StartAsync(new ProcessSpec { Program = "sleep", Arguments = ["600"] });
        using var worker = Process.GetProcessById(fixture.Host.HostProcessIds.Single());
        var scratch = Path.Combine(fixture.ScratchDirectory, "1");
        Assert.EndsWith($"\0{scratch}\0", await File.ReadAllTextAsync($"/proc/{worker.Id}/cmdline"));
        Directory.CreateDirectory(scratch);
        await File.WriteAllTextAsync(Path.Combine(scratch, "run-x"), "left by a task");
        worker.Kill();
        await fixture.ExitAsync(pid);
        Assert.False(Directory.Exists(scratch));
    }

    [Fact]
    public async Task Stop_IsNotSupported_AndSaysWhy()
    {
        await using var fixture = new ProgramHostFixture();
        var pid = await fixture.StartAsync(new ProcessSpec { Program = "sleep", Arguments = ["600"] });
        var failure = await Assert.ThrowsAsync<DosException>(() => fixture.Host.SignalAsync(pid, 1, ProcessSignal.Stop));
        Assert.Equal(DosErrorCode.NotSupported, failure.Code);
    }
}
