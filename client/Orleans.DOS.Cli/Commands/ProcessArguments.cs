using System.Globalization;
using Orleans.DOS.Processes;

namespace Orleans.DOS.Cli.Commands;

/// <summary>What kill, wait and logs share.</summary>
internal static class ProcessArguments
{
    public static Argument<string> Pid() => new("pid") { Description = "The process" };

    public static ProcessId Parse(string? text) =>
        long.TryParse(text, NumberStyles.None, CultureInfo.InvariantCulture, out var pid) && pid > 0
            ? new ProcessId(pid)
            : throw new DosException(DosErrorCode.InvalidArgument, $"'{text}' is no pid");

    /// <summary>The exit status that a shell would give.</summary>
    public static int ExitStatus(ProcessStatus ended)
    {
        if (ended.State == ProcessState.Failed)
        {
            Console.Error.WriteLine($"dos: process {ended.Pid} failed: {ended.Reason} [{ended.Reason}]");
            return ExitCodes.Failed;
        }
        return ended.ExitCode ?? ExitCodes.Failed;
    }
}
