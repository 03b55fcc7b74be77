using System.CommandLine;
using Orleans.DOS.Processes;

namespace Orleans.DOS.Cli.Processes;

internal static class LogsCommand
{
    private static readonly Option<bool> Follow = new("--follow", "-f") { Description = "Go on until the process ends" };
    private static readonly Argument<long> Pid = ProcessView.PidArgument();

    public static Command Create() => Session.On(new Command("logs", "Show the captured output of a process") { Follow, Pid }, async (session, cancellation) =>
    {
        var (processes, pid) = (session.Machine.Processes, new ProcessId(session.Get(Pid)));
        await using var output = StandardOutput.Open();
        // Asked first: that nothing is there must not be taken for an outage.
        var (present, follow) = ((await processes.StatusAsync(pid, cancellation)).Incarnation, session.Get(Follow));
        Task CopyAsync(OutputStream stream, Stream target) => follow
            ? OutputCopy.FollowAsync(processes, pid, stream, present, target, cancellation)
            : OutputCopy.NowAsync(processes, pid, stream, target, cancellation);
        // The first one that fails ends both: nobody is left to read the other.
        await foreach (var copied in Task.WhenEach(
            CopyAsync(OutputStream.StandardOutput, output), CopyAsync(OutputStream.StandardError, Console.OpenStandardError())))
        {
            await copied;
        }
    });
}
