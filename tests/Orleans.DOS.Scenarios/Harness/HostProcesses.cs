using System.Diagnostics;
using System.Globalization;

namespace Orleans.DOS.Scenarios.Harness;

/// <summary>Processes of this host, by what stands in their command line.</summary>
internal static class HostProcesses
{
    /// <summary>Numbers of those that name the text; what has ended and is not yet collected has no command line.</summary>
    public static IReadOnlyList<int> Naming(string text) =>
    [
        .. Directory.EnumerateDirectories("/proc").Select(path => int.TryParse(Path.GetFileName(path), CultureInfo.InvariantCulture, out var pid) ? pid : 0)
            .Where(pid => pid > 0 && pid != Environment.ProcessId && CommandLine(pid).Contains(text, StringComparison.Ordinal)),
    ];

    public static bool IsAlive(int pid) => CommandLine(pid).Length > 0;

    public static void Kill(int pid)
    {
        try
        {
            using var process = Process.GetProcessById(pid);
            process.Kill();
        }
        catch (ArgumentException)
        {
            // It has ended by itself.
        }
    }

    private static string CommandLine(int pid)
    {
        try
        {
            return File.ReadAllText(string.Create(CultureInfo.InvariantCulture, $"/proc/{pid}/cmdline"));
        }
        catch (IOException)
        {
            return "";
        }
    }
}
