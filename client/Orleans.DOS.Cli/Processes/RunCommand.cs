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
    private static readonly Option<string[]> Variables = new("--env", "-e") { Description = "NAME=VALUE in the program's environment; may be repeated" };
    private static readonly Option<string> Directory = new("--cwd") { Description = "Directory in which the program finds relative paths", DefaultValueFactory = _ => "/" };
    private static readonly Option<string[]> Labels = new("--label") { Description = "NAME=VALUE that the node must have; may be repeated" };
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
        new Command("run", "Run a program; what follows its name is the program's, options too") { Detach, Interactive, Restart, Variables, Directory, Labels, ProgramName, Arguments }, RunAsync);

    private static async Task<int> RunAsync(Session session, CancellationToken cancellation)
    {
        var processes = session.Machine.Processes;
        var detach = session.Get(Detach);
        var hasInput = !detach && (session.Get(Interactive) || Console.IsInputRedirected);
        // Not broken off at Ctrl-C, since it may have begun: a program that nobody knows of would go on. The SDK gives up after seconds.
        var started = await processes.SpawnAsync(new ProcessSpec
        {
            Program = session.Get(ProgramName), Arguments = session.Get(Arguments), HasStandardInput = hasInput, Restart = Policy(session.Get(Restart)),
            Environment = Pairs.Of(Variables, session.Get(Variables)), WorkingDirectory = session.Get(Directory), Labels = Pairs.Of(Labels, session.Get(Labels)),
        }, CancellationToken.None);
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
        return await new AttachedProcess(processes, started.Pid).RunAsync(hasInput, cancellation);
    }

    private static RestartPolicy Policy(string text) => text switch
    {
        "always" => RestartPolicy.Always,
        "on-failure" => RestartPolicy.OnFailure,
        _ => RestartPolicy.Never,
    };
}
