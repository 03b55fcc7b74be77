using System.CommandLine;

namespace Orleans.DOS.Cli.Processes;

internal static class WaitCommand
{
    private static readonly Argument<long> Pid = ProcessView.PidArgument();

    public static Command Create() => Session.On(new Command("wait", "Wait for the end of a process; its exit code is the command's") { Pid }, async (session, cancellation) =>
    {
        var ended = await session.Machine.Processes.WaitAsync(new(session.Get(Pid)), cancellation);
        if (session.Json)
        {
            Printer.Json(ProcessView.Json(ended));
        }
        return ProcessView.ExitCode(ended);
    });
}
