namespace Orleans.DOS.Node.Tests.Harness;

/// <summary>Processes of this host, from /proc.</summary>
internal static class HostProcesses
{
    public static IReadOnlyList<int> ChildrenOf(int parent) =>
        [.. Directory.GetDirectories("/proc").Select(Path.GetFileName).Select(name => int.TryParse(name, out var pid) ? pid : 0)
            .Where(pid => pid > 0 && Read(pid)?.Parent == parent)];

    /// <summary>Not even as a zombie that nobody waits for.</summary>
    public static bool Runs(int pid) => Read(pid) is { State: not 'Z' and not 'X' };

    public static void Signal(string signal, IEnumerable<int> pids)
    {
        using var kill = System.Diagnostics.Process.Start("/bin/kill", [$"-{signal}", .. pids.Select(pid => pid.ToString(System.Globalization.CultureInfo.InvariantCulture))]);
        kill.WaitForExit();
    }

    // pid (name) state parent ...; the name may hold anything, brackets too.
    private static (char State, int Parent)? Read(int pid)
    {
        try
        {
            var stat = System.IO.File.ReadAllText($"/proc/{pid}/stat");
            var parts = stat[(stat.LastIndexOf(')') + 2)..].Split(' ');
            return (parts[0][0], int.Parse(parts[1], System.Globalization.CultureInfo.InvariantCulture));
        }
        catch (Exception gone) when (gone is IOException or UnauthorizedAccessException)
        {
            return null;
        }
    }
}
