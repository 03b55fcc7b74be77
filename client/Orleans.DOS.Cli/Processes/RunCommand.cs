using System.CommandLine;
using Orleans.DOS.Processes;

namespace Orleans.DOS.Cli.Processes;

/// <summary>Runs a program with standard input, output and error attached; its exit code is the command's.</summary>
internal static class RunCommand
{
    private static readonly Option<bool> Detach = new("--detach", "-d") { Description = "Print the pid and leave it running" };
    private static readonly Option<bool> Interactive = new("--interactive", "-i") { Description = "Attach standard input even if it is a terminal" };
    private static readonly Option<string> Restart = new Option<string>("--restart") { Description = "never, on-failure or always", DefaultValueFactory = _ => "never" }
        .AcceptOnlyFromAmong("never", "on-failure", "always");
    private static readonly Argument<string> ProgramName = new("PROGRAM");
    private static readonly Argument<string[]> Arguments = new("ARGS") { Arity = ArgumentArity.ZeroOrMore };

    /// <summary>
    /// Puts <c>--</c> before PROGRAM, so that what follows it is the program's: <c>dos run grep -i word</c> must not look for our -i. A
    /// <c>--</c> that the user has put there is left out.
    /// </summary>
    public static string[] Separate(string[] line, Command run, IEnumerable<Option> global)
    {
        var withValue = run.Options.Concat(global).Where(option => option.Arity.MinimumNumberOfValues > 0).SelectMany(option => option.Aliases.Append(option.Name)).ToHashSet();
        var isRun = false;
        for (var at = 0; at < line.Length && line[at] != "--"; at++)
        {
            if (line[at].StartsWith('-'))
            {
                at += withValue.Contains(line[at]) ? 1 : 0;
            }
            else if (isRun)
            {
                return [.. line[..at], "--", line[at], .. line[(at + 1)..] is ["--", .. var arguments] ? arguments : line[(at + 1)..]];
            }
            else if (!(isRun = line[at] == run.Name))
            {
                break;
            }
        }
        return line;
    }

    public static Command Create() => Session.On(
        new Command("run", "Run a program; what follows its name is the program's, options too") { Detach, Interactive, Restart, ProgramName, Arguments }, RunAsync);

    private static async Task<int> RunAsync(Session session, CancellationToken cancellation)
    {
        var processes = session.Machine.Processes;
        var detach = session.Get(Detach);
        var hasInput = !detach && (session.Get(Interactive) || Console.IsInputRedirected);
        var started = await processes.SpawnAsync(new ProcessSpec
        {
            Program = session.Get(ProgramName), Arguments = session.Get(Arguments), HasStandardInput = hasInput, Restart = Policy(session.Get(Restart)),
        }, cancellation);
        if (detach)
        {
            if (session.Json)
            {
                Printer.Json(ProcessView.Json(started));
            }
            else
            {
                Console.Out.WriteLine(started.Pid);
            }
            return 0;
        }
        return await AttachAsync(processes, started.Pid, hasInput, cancellation);
    }

    private static async Task<int> AttachAsync(IProcesses processes, ProcessId pid, bool hasInput, CancellationToken cancellation)
    {
        using var ended = new CancellationTokenSource();
        // Ctrl-C ends the process (TERM, after its grace KILL) and not our waiting, so that its exit code is still told.
        await using var interrupt = cancellation.Register(() => _ = processes.SignalAsync(pid, ProcessSignal.Terminate, CancellationToken.None));
        var input = hasInput ? SendInputAsync(processes, pid, ended.Token) : Task.CompletedTask;
        var output = SendOutputAsync(processes, pid);
        var lost = await LostAsync(Task.WhenAll(
            output, OutputCopy.RunAsync(processes, pid, OutputStream.StandardError, Console.OpenStandardError(), true, CancellationToken.None)));
        var status = await processes.WaitAsync(pid, CancellationToken.None);
        await ended.CancelAsync();
        // A read of the terminal cannot be cancelled; what it would still bring has no reader.
        if (input.IsCompleted)
        {
            await input;
        }
        if (lost is not null)
        {
            // That the process was lost with its node says it all; one that ended before must not look as if it had written nothing.
            return status.State == ProcessState.Failed ? ProcessView.ExitCode(status) : throw lost;
        }
        return await output ? ProcessView.ExitCode(status) : StandardOutput.ReaderGoneExitCode;
    }

    /// <returns>What was told instead of the output, when that is gone with its node.</returns>
    private static async Task<DosException?> LostAsync(Task copied)
    {
        try
        {
            await copied;
            return null;
        }
        catch (DosException gone) when (gone.Code == DosErrorCode.NoSuchProcess)
        {
            return gone;
        }
    }

    /// <returns>False when the reader of our output has gone; the process is ended then, as SIGPIPE would.</returns>
    private static async Task<bool> SendOutputAsync(IProcesses processes, ProcessId pid)
    {
        await using var target = StandardOutput.Open();
        try
        {
            await OutputCopy.RunAsync(processes, pid, OutputStream.StandardOutput, target, true, CancellationToken.None);
            return true;
        }
        catch (IOException)
        {
            await EndAsync(processes, pid);
            return false;
        }
    }

    private static async Task EndAsync(IProcesses processes, ProcessId pid)
    {
        try
        {
            await processes.SignalAsync(pid, ProcessSignal.Terminate);
        }
        catch (DosException failure) when (failure.Code == DosErrorCode.NotRunning)
        {
            // It has ended by itself in the meantime.
        }
    }

    private static async Task SendInputAsync(IProcesses processes, ProcessId pid, CancellationToken ended)
    {
        var buffer = new byte[64 * 1024];
        using var source = Console.OpenStandardInput();
        long position = 0;
        try
        {
            while (await source.ReadAsync(buffer, ended) is > 0 and var count)
            {
                await processes.WriteInputAsync(pid, position, buffer.AsMemory(0, count), ended);
                position += count;
            }
            await processes.CloseInputAsync(pid, ended);
        }
        catch (DosException failure) when (failure.Code is DosErrorCode.PipeClosed or DosErrorCode.NotRunning)
        {
            // It ended without reading all: no fault, as with a shell's pipe.
        }
        catch (OperationCanceledException) when (ended.IsCancellationRequested)
        {
            // It ended while we waited for more input.
        }
    }

    private static RestartPolicy Policy(string text) => text switch
    {
        "always" => RestartPolicy.Always,
        "on-failure" => RestartPolicy.OnFailure,
        _ => RestartPolicy.Never,
    };
}
