using System.CommandLine;
using Orleans.DOS.Processes;

namespace Orleans.DOS.Cli.Processes;

internal static class PsCommand
{
    private static readonly Option<bool> All = new("--all", "-a") { Description = "Also those that have ended" };

    public static Command Create() => Session.On(new Command("ps", "List processes") { All }, async (session, cancellation) =>
    {
        List<ProcessStatus> found = [];
        string? after = null;
        do
        {
            var page = await session.Machine.Processes.ListAsync(session.Get(All), after, cancellationToken: cancellation);
            found.AddRange(page.Items);
            after = page.Next;
        }
        while (after is not null);
        Printer.Rows(session, found, ProcessView.Json, ["PID", "STATE", "CODE", "NODE", "AGE", "RESTARTS", "COMMAND"], p =>
        [
            p.Pid.ToString(), p.State.ToString(), p.ExitCode?.ToString() ?? p.Reason ?? "-", p.Node?.Value ?? "-", Human.Age(p.Created),
            p.Restarts.ToString(), string.Join(' ', p.Arguments.Prepend(p.Program)),
        ]);
    });
}
