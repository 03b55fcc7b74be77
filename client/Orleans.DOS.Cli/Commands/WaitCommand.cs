namespace Orleans.DOS.Cli.Commands;

internal static class WaitCommand
{
    public static Command Make()
    {
        var pid = ProcessArguments.Pid();
        var command = new Command("wait", "Waits for the end of a process; its exit code is the command's") { pid };
        command.SetAction(async (parsed, cancellation) =>
        {
            using var machine = Globals.OpenMachine(parsed);
            var ended = await machine.Processes.WaitAsync(ProcessArguments.Parse(parsed.GetValue(pid)), cancellation);
            if (parsed.GetValue(Globals.Json))
            {
                Output.Json(ended);
            }
            return ProcessArguments.ExitStatus(ended);
        });
        return command;
    }
}
