using System.CommandLine;
using Orleans.DOS.Processes;

namespace Orleans.DOS.Cli.Processes;

/// <summary>How a process is shown, and how its number and a signal are read.</summary>
internal static class ProcessView
{
    public static Argument<long> PidArgument() => Number.Argument("PID", "pid; 'dos ps --all' lists them");

    public static object Json(ProcessStatus p) => new
    {
        pid = p.Pid.Value, program = p.Program, arguments = p.Arguments, state = p.State, exitCode = p.ExitCode, reason = p.Reason,
        node = p.Node?.Value, incarnation = p.Incarnation, restart = p.Restart, restarts = p.Restarts, owner = p.Owner,
        created = p.Created, started = p.Started, ended = p.Ended,
    };

    public static ProcessSignal Signal(string text)
    {
        var name = text.ToUpperInvariant();
        return (name.StartsWith("SIG", StringComparison.Ordinal) ? name[3..] : name) switch
        {
            "TERM" or "15" => ProcessSignal.Terminate,
            "KILL" or "9" => ProcessSignal.Kill,
            "INT" or "2" => ProcessSignal.Interrupt,
            "STOP" or "19" => ProcessSignal.Stop,
            "CONT" or "18" => ProcessSignal.Continue,
            _ => throw new DosException(DosErrorCode.InvalidArgument, $"there is no signal '{text}': TERM, KILL, INT, STOP or CONT"),
        };
    }

    /// <summary>The exit code of a command that waited for the process.</summary>
    public static int ExitCode(ProcessStatus ended)
    {
        if (ended.State == ProcessState.Failed)
        {
            Console.Error.WriteLine($"dos: process {ended.Pid} failed [{ended.Reason}]");
        }
        return ended.ExitCode ?? ExitCodes.Failed;
    }
}
