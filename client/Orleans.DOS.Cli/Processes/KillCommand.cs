using System.CommandLine;

namespace Orleans.DOS.Cli.Processes;

internal static class KillCommand
{
    private static readonly Option<string> Signal = new("--signal", "-s") { Description = "TERM, KILL, INT, STOP or CONT", DefaultValueFactory = _ => "TERM" };
    private static readonly Argument<long> Pid = ProcessView.PidArgument();

    public static Command Create() => Session.On(new Command("kill", "Send a signal to a process") { Signal, Pid }, (session, cancellation) =>
    {
        // Read first: a wrong word is told without asking the cluster.
        var signal = ProcessView.Signal(session.Get(Signal));
        return session.Machine.Processes.SignalAsync(new(session.Get(Pid)), signal, cancellation);
    });
}
