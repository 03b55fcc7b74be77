using Orleans.DOS.Processes;

namespace Orleans.DOS.Cli.Commands;

internal static class KillCommand
{
    public static Command Make()
    {
        var signal = new Option<string>("--signal", "-s") { Description = "INT, TERM, KILL, STOP or CONT", DefaultValueFactory = _ => "TERM" };
        var pids = new Argument<string[]>("pid") { Description = "The processes", Arity = ArgumentArity.OneOrMore };
        var command = new Command("kill", "Sends a signal; TERM is followed by KILL after 5 s") { signal, pids };
        command.SetAction(async (parsed, cancellation) =>
        {
            using var machine = Globals.OpenMachine(parsed);
            foreach (var pid in parsed.GetValue(pids)!.Select(ProcessArguments.Parse).ToList())
            {
                await machine.Processes.SignalAsync(pid, Signal(parsed.GetValue(signal)!), cancellation);
            }
            return ExitCodes.Done;
        });
        return command;
    }

    private static ProcessSignal Signal(string text) => text.ToUpperInvariant() switch
    {
        "INT" or "2" => ProcessSignal.Interrupt,
        "KILL" or "9" => ProcessSignal.Kill,
        "TERM" or "15" => ProcessSignal.Terminate,
        "CONT" or "18" => ProcessSignal.Continue,
        "STOP" or "19" => ProcessSignal.Stop,
        _ => throw new DosException(DosErrorCode.InvalidArgument, $"'{text}' is none of INT, TERM, KILL, STOP, CONT"),
    };
}
