using System.Globalization;
using Orleans.DOS.Processes;

namespace Orleans.DOS.Http;

/// <summary>Signals by number or by their names on Unix.</summary>
internal static class Signals
{
    public static ProcessSignal Parse(string? text) => text switch
    {
        "INT" or "SIGINT" => ProcessSignal.Interrupt,
        "KILL" or "SIGKILL" => ProcessSignal.Kill,
        "TERM" or "SIGTERM" => ProcessSignal.Terminate,
        "CONT" or "SIGCONT" => ProcessSignal.Continue,
        "STOP" or "SIGSTOP" => ProcessSignal.Stop,
        _ when short.TryParse(text, NumberStyles.None, CultureInfo.InvariantCulture, out var number) && Enum.IsDefined((ProcessSignal)number) => (ProcessSignal)number,
        _ => throw DosCall.Invalid("'signal' is INT, KILL, TERM, CONT, STOP or one of their numbers"),
    };
}
