using System.CommandLine;
using Orleans.DOS.Processes;

namespace Orleans.DOS.Cli.Processes;

internal static class PsCommand
{
    private static readonly Option<bool> All = new("--all", "-a") { Description = "Also those that have ended" };

    public static Command Create() => Session.On(new Command("ps", "List processes") { All }, (session, cancellation) => Printer.PagesAsync(
        session, after => session.Machine.Processes.ListAsync(session.Get(All), after, cancellationToken: cancellation), found => Print(session, found)));

    private static void Print(Session session, IEnumerable<ProcessStatus> found) =>
        Printer.Rows(session, found, ProcessView.Json, ["PID", "STATE", "CODE", "NODE", "AGE", "RESTARTS", "COMMAND"], p =>
        [
            p.Pid.ToString(), p.State.ToString(), p.ExitCode?.ToString() ?? p.Reason ?? "-", p.Node?.Value ?? "-", Human.Age(p.Created),
            p.Restarts.ToString(), string.Join(' ', p.Arguments.Prepend(p.Program)),
        ]);
}
