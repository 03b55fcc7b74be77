using System.Text;
using Orleans.DOS.Processes;

namespace Orleans.DOS.Tests.Client;

public abstract partial class MachineContract
{
    [Fact]
    public async Task Process_Echo_EndsWithItsOutput()
    {
        var started = await Machine.Processes.SpawnAsync(new ProcessSpec { Program = "echo", Arguments = ["one", "two"] }, Stop);
        var ended = await Machine.Processes.WaitAsync(started.Pid, Stop);
        Assert.Equal((ProcessState.Exited, 0), (ended.State, ended.ExitCode));
        Assert.Equal("one two\n", await OutputAsync(started.Pid));
        Assert.Contains((await Machine.Processes.ListAsync(all: true, cancellationToken: Stop)).Items, status => status.Pid == started.Pid);
    }

    [Fact]
    public async Task Process_Cat_GivesBackWhatItReads()
    {
        var started = await Machine.Processes.SpawnAsync(new ProcessSpec { Program = "cat", HasStandardInput = true }, Stop);
        await Machine.Processes.WriteInputAsync(started.Pid, 0, Utf8("hello "), Stop);
        await Machine.Processes.WriteInputAsync(started.Pid, 6, Utf8("world"), Stop);
        await Machine.Processes.CloseInputAsync(started.Pid, Stop);
        Assert.Equal("hello world", await OutputAsync(started.Pid));
        Assert.Equal(0, (await Machine.Processes.WaitAsync(started.Pid, Stop)).ExitCode);
    }

    [Fact]
    public async Task Process_Killed_EndsWithTheSignalsCode()
    {
        var started = await Machine.Processes.SpawnAsync(new ProcessSpec { Program = "sleep", Arguments = ["600"] }, Stop);
        await Machine.Processes.SignalAsync(started.Pid, ProcessSignal.Kill, Stop);
        var ended = await Machine.Processes.WaitAsync(started.Pid, Stop);
        Assert.Equal((ProcessState.Exited, 128 + 9), (ended.State, ended.ExitCode));
    }

    [Fact]
    public async Task Process_Unknown_IsRefused()
    {
        await FailsAsync(DosErrorCode.UnknownProgram, () => Machine.Processes.SpawnAsync(new ProcessSpec { Program = "no-such-program" }, Stop));
        await FailsAsync(DosErrorCode.NoSuchProcess, () => Machine.Processes.StatusAsync(new ProcessId(long.MaxValue), Stop));
        await FailsAsync(DosErrorCode.NoSuchProcess, () => Machine.Processes.WaitAsync(new ProcessId(long.MaxValue), Stop));
        await FailsAsync(DosErrorCode.NoSuchProcess, () => Machine.Processes.SignalAsync(new ProcessId(long.MaxValue), ProcessSignal.Kill, Stop));
    }

    [Fact]
    public async Task Process_ThatIsStartedAgain_IsFollowedStartAfterStart()
    {
        var started = await Machine.Processes.SpawnAsync(new ProcessSpec { Program = "echo", Arguments = ["hi"], Restart = RestartPolicy.Always }, Stop);
        var (text, starts) = (new StringBuilder(), new List<long>());
        await foreach (var chunk in Machine.Processes.FollowOutputAsync(started.Pid, OutputStream.StandardOutput, incarnation: 1, cancellationToken: Stop))
        {
            text.Append(Encoding.UTF8.GetString(chunk.Data));
            starts.Add(chunk.Incarnation);
        }
        var ended = await Machine.Processes.StatusAsync(started.Pid, Stop);
        Assert.True(ended is { HasEnded: true, Restarts: > 0 });
        Assert.Equal(string.Concat(Enumerable.Repeat("hi\n", ended.Restarts + 1)), text.ToString());
        Assert.Equal(Enumerable.Range(1, ended.Restarts + 1).Select(static start => (long)start), starts.Distinct());
        await FailsAsync(DosErrorCode.InvalidArgument, () => Machine.Processes.ReadOutputAsync(started.Pid, OutputStream.StandardOutput, 0, incarnation: -1, cancellationToken: Stop));
    }

    [Fact]
    public async Task Process_SpawnedAgainUnderItsRequestId_IsTheSameOne()
    {
        var (request, spec) = (RequestId.New(), new ProcessSpec { Program = "echo", Arguments = ["once"] });
        async Task<(ProcessId, ProcessId)> TwoAsync()
        {
            var machine = Machine.WithRequest(request);
            return ((await machine.Processes.SpawnAsync(spec, Stop)).Pid, (await machine.Processes.SpawnAsync(spec, Stop)).Pid);
        }
        var (first, second) = await TwoAsync();
        Assert.NotEqual(first, second);
        Assert.Equal((first, second), await TwoAsync());
        Assert.False((await Machine.Processes.SpawnAsync(spec, Stop)).Pid is var third && (third == first || third == second));
    }

    [Fact]
    public void Request_None_IsRefused() =>
        Assert.Equal(DosErrorCode.InvalidArgument, Assert.Throws<DosException>(() => Machine.WithRequest(RequestId.None)).Code);

    private async Task<string> OutputAsync(ProcessId pid)
    {
        var text = new StringBuilder();
        var position = 0L;
        OutputChunk chunk;
        do
        {
            chunk = await Machine.Processes.ReadOutputAsync(pid, OutputStream.StandardOutput, position, wait: true, cancellationToken: Stop);
            text.Append(Encoding.UTF8.GetString(chunk.Data));
            position = chunk.Position + chunk.Data.Length;
        }
        while (!chunk.End);
        return text.ToString();
    }
}
