using System.CommandLine;
using Orleans.DOS.Processes;

namespace Orleans.DOS.Cli.Processes;

internal static class LogsCommand
{
    private static readonly Option<bool> Follow = new("--follow", "-f") { Description = "Go on until the process ends" };
    private static readonly Argument<long> Pid = ProcessView.PidArgument();

    public static Command Create() => Session.On(new Command("logs", "Show the captured output of a process") { Follow, Pid }, async (session, cancellation) =>
    {
        var pid = new ProcessId(session.Get(Pid));
        await using var output = StandardOutput.Open();
        // The first one that fails ends both: nobody is left to read the other.
        await foreach (var copied in Task.WhenEach(
            OutputCopy.RunAsync(session.Machine.Processes, pid, OutputStream.StandardOutput, output, session.Get(Follow), cancellation),
            OutputCopy.RunAsync(session.Machine.Processes, pid, OutputStream.StandardError, Console.OpenStandardError(), session.Get(Follow), cancellation)))
        {
            await copied;
        }
    });
}
