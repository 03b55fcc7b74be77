using Orleans.DOS.Processes;

namespace Orleans.DOS.Cli.Commands;

/// <summary>`dos run`: the program's stdio is the command's, Ctrl-C ends it, its exit code is the command's.</summary>
internal static class RunCommand
{
    private static readonly TimeSpan GraceAfterInterrupt = TimeSpan.FromSeconds(8);

    public static Command Make()
    {
        var detach = new Option<bool>("--detach", "-d") { Description = "Print the pid and come back at once" };
        var restart = new Option<string>("--restart") { Description = "never, on-failure or always", DefaultValueFactory = _ => "never" };
        var environment = new Option<string[]>("--env", "-e") { Description = "NAME=VALUE" };
        var directory = new Option<string>("--cwd") { Description = "Working directory", DefaultValueFactory = _ => "/" };
        var labels = new Option<string[]>("--label", "-l") { Description = "Only on nodes with this label, KEY=VALUE" };
        var program = new Argument<string>("program") { Description = "The program" };
        var arguments = new Argument<string[]>("arguments") { Description = "Its arguments", Arity = ArgumentArity.ZeroOrMore };
        var command = new Command("run", "Runs a program on the node with most room") { detach, restart, environment, directory, labels, program, arguments };
        // What looks like an option behind the program's name is the program's.
        command.TreatUnmatchedTokensAsErrors = false;
        command.SetAction(async (parsed, cancellation) =>
        {
            using var machine = Globals.OpenMachine(parsed);
            var detached = parsed.GetValue(detach);
            var spec = new ProcessSpec
            {
                Program = parsed.GetValue(program)!,
                Arguments = ArgumentsOf(parsed, program),
                Environment = Pairs(parsed.GetValue(environment), "--env"),
                WorkingDirectory = parsed.GetValue(directory)!,
                Restart = Policy(parsed.GetValue(restart)!),
                HasStandardInput = !detached && Console.IsInputRedirected,
                Labels = Pairs(parsed.GetValue(labels), "--label"),
            };
            var process = await machine.Processes.SpawnAsync(spec, cancellation);
            if (detached)
            {
                if (parsed.GetValue(Globals.Json))
                {
                    Output.Json(process);
                }
                else
                {
                    Console.WriteLine(process.Pid);
                }
                return ExitCodes.Done;
            }
            return await AttachAsync(machine, process.Pid, spec.HasStandardInput, cancellation);
        });
        return command;
    }

    private static async Task<int> AttachAsync(IMachine machine, ProcessId pid, bool hasInput, CancellationToken cancellation)
    {
        using var ended = new CancellationTokenSource();
        var output = OutputPump.CopyAsync(machine.Processes, pid, OutputStream.StandardOutput, Console.OpenStandardOutput(), follow: true, CancellationToken.None);
        var errors = OutputPump.CopyAsync(machine.Processes, pid, OutputStream.StandardError, Console.OpenStandardError(), follow: true, CancellationToken.None);
        var input = hasInput ? FeedAsync(machine, pid, ended.Token) : Task.CompletedTask;
        var wait = machine.Processes.WaitAsync(pid, CancellationToken.None);
        try
        {
            await wait.WaitAsync(cancellation);
        }
        catch (OperationCanceledException)
        {
            await machine.Processes.SignalAsync(pid, ProcessSignal.Terminate, CancellationToken.None);
            await wait.WaitAsync(GraceAfterInterrupt, CancellationToken.None);
        }
        await Task.WhenAll(output, errors);
        await ended.CancelAsync();
        await input;
        return ProcessArguments.ExitStatus(await wait);
    }

    private static async Task FeedAsync(IMachine machine, ProcessId pid, CancellationToken ended)
    {
        try
        {
            var buffer = new byte[64 * 1024];
            long position = 0;
            await using var input = Console.OpenStandardInput();
            for (int count; (count = await input.ReadAsync(buffer, ended).AsTask().WaitAsync(ended)) > 0; position += count)
            {
                await machine.Processes.WriteInputAsync(pid, position, buffer.AsMemory(0, count).ToArray(), ended);
            }
            await machine.Processes.CloseInputAsync(pid, ended);
        }
        catch (OperationCanceledException) when (ended.IsCancellationRequested)
        {
            // The program ended before it had read everything, as `head` does.
        }
        catch (DosException failure) when (failure.Code is DosErrorCode.NotRunning or DosErrorCode.PipeClosed)
        {
            // Likewise.
        }
    }

    /// <summary>Everything behind the program's name, as it stood on the command line.</summary>
    private static string[] ArgumentsOf(ParseResult parsed, Argument<string> program)
    {
        var tokens = parsed.Tokens.Select(token => token.Value).ToList();
        var name = parsed.GetResult(program)!.Tokens[0];
        var at = parsed.Tokens.ToList().FindIndex(token => ReferenceEquals(token, name));
        return [.. tokens.Skip(at + 1)];
    }

    private static Dictionary<string, string> Pairs(string[]? texts, string option)
    {
        var pairs = new Dictionary<string, string>();
        foreach (var text in texts ?? [])
        {
            var equals = text.IndexOf('=', StringComparison.Ordinal);
            if (equals <= 0)
            {
                throw new DosException(DosErrorCode.InvalidArgument, $"{option} takes NAME=VALUE, not '{text}'");
            }
            pairs[text[..equals]] = text[(equals + 1)..];
        }
        return pairs;
    }

    private static RestartPolicy Policy(string text) => text switch
    {
        "never" => RestartPolicy.Never,
        "on-failure" => RestartPolicy.OnFailure,
        "always" => RestartPolicy.Always,
        _ => throw new DosException(DosErrorCode.InvalidArgument, $"'{text}' is none of never, on-failure, always"),
    };
}
