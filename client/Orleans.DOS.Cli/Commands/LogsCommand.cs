using Orleans.DOS.Processes;

namespace Orleans.DOS.Cli.Commands;

internal static class LogsCommand
{
    public static Command Make()
    {
        var follow = new Option<bool>("--follow", "-f") { Description = "Go on until the process has ended" };
        var pid = ProcessArguments.Pid();
        var command = new Command("logs", "Prints what a process wrote: standard output and standard error") { follow, pid };
        command.SetAction(async (parsed, cancellation) =>
        {
            using var machine = Globals.OpenMachine(parsed);
            var process = ProcessArguments.Parse(parsed.GetValue(pid));
            await machine.Processes.StatusAsync(process, cancellation);
            var wait = parsed.GetValue(follow);
            await Task.WhenAll(
                OutputPump.CopyAsync(machine.Processes, process, OutputStream.StandardOutput, Console.OpenStandardOutput(), wait, cancellation),
                OutputPump.CopyAsync(machine.Processes, process, OutputStream.StandardError, Console.OpenStandardError(), wait, cancellation));
            return ExitCodes.Done;
        });
        return command;
    }
}
