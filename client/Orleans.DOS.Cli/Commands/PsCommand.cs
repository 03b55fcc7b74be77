using System.Globalization;
using Orleans.DOS.Processes;

namespace Orleans.DOS.Cli.Commands;

internal static class PsCommand
{
    public static Command Make()
    {
        var all = new Option<bool>("--all", "-a") { Description = "Also those that have ended" };
        var command = new Command("ps", "Lists processes") { all };
        command.SetAction(async (parsed, cancellation) =>
        {
            using var machine = Globals.OpenMachine(parsed);
            var found = new List<ProcessStatus>();
            for (string? after = null; ;)
            {
                var page = await machine.Processes.ListAsync(parsed.GetValue(all), after, cancellationToken: cancellation);
                found.AddRange(page.Items);
                if ((after = page.Next) is null)
                {
                    break;
                }
            }
            if (parsed.GetValue(Globals.Json))
            {
                Output.Json(found);
                return ExitCodes.Done;
            }
            Output.Table(["PID", "STATE", "NODE", "RESTARTS", "STARTED", "PROGRAM"], found.Select(process => (IReadOnlyList<string>)
            [
                process.Pid.ToString(), Describe(process), process.Node?.ToString() ?? "-", process.Restarts.ToString(CultureInfo.InvariantCulture),
                Output.Instant(process.Started), string.Join(' ', process.Arguments.Prepend(process.Program)),
            ]));
            return ExitCodes.Done;
        });
        return command;
    }

    public static string Describe(ProcessStatus process) => process.State switch
    {
        ProcessState.Exited => $"Exited({process.ExitCode})",
        ProcessState.Failed => $"Failed({process.Reason})",
        ProcessState.Pending when process.Reason is not null => $"Pending({process.Reason})",
        _ => process.State.ToString(),
    };
}
