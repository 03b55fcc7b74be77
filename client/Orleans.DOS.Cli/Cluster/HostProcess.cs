using System.Diagnostics;
using System.Globalization;
using System.Runtime.InteropServices;

namespace Orleans.DOS.Cli.Cluster;

/// <summary>A process of this host. Numbers are used again: number and start together name one process for as long as the host is up.</summary>
/// <param name="Started">Clock ticks since the host's start (proc(5), <c>stat</c>, field 22).</param>
internal readonly partial record struct HostProcess(int Pid, long Started)
{
    private const int SigTerm = 15;
    private const int SigKill = 9;
    /// <summary>Place of the start among the fields of <c>stat</c> that follow the name.</summary>
    private const int StartField = 19;

    /// <returns>Null when there is none, or only what its parent has not yet collected.</returns>
    public static HostProcess? Find(int pid)
    {
        var fields = Stat(pid);
        return fields.Length > StartField && fields[0] is not ("Z" or "X")
            ? new HostProcess(pid, long.Parse(fields[StartField], CultureInfo.InvariantCulture))
            : null;
    }

    public static IEnumerable<HostProcess> All() => Directory.EnumerateDirectories("/proc")
        .Select(path => int.TryParse(Path.GetFileName(path), NumberStyles.None, CultureInfo.InvariantCulture, out var pid) ? Find(pid) : null)
        .OfType<HostProcess>();

    /// <summary>Asks to end. One that is gone already is no fault.</summary>
    public static void Terminate(int pid) => Signal(pid, SigTerm);

    /// <inheritdoc cref="Terminate"/>
    public static void Kill(int pid) => Signal(pid, SigKill);

    public bool IsAlive => Find(Pid) == this;

    /// <summary>Whether it is stopped (SIGSTOP, a debugger) or waits where no signal reaches it: none of its code runs then. One that merely sleeps is not frozen.</summary>
    public static bool IsFrozen(int pid) => Stat(pid) is ["T" or "t" or "D", ..];

    /// <summary>Program and arguments.</summary>
    public string[] CommandLine => Read(Pid, "cmdline").Split('\0', StringSplitOptions.RemoveEmptyEntries);

    /// <summary>What its environment was when it started, as name=value.</summary>
    public string[] Environment => Read(Pid, "environ").Split('\0', StringSplitOptions.RemoveEmptyEntries);

    /// <returns>False when it still lived after <paramref name="limit"/>.</returns>
    public async Task<bool> GoneAsync(TimeSpan limit, CancellationToken cancellation)
    {
        for (var began = Stopwatch.GetTimestamp(); IsAlive; await Task.Delay(20, cancellation))
        {
            if (Stopwatch.GetElapsedTime(began) > limit)
            {
                return false;
            }
        }
        return true;
    }

    /// <summary>The fields of <c>stat</c> from the state on.</summary>
    private static string[] Stat(int pid)
    {
        // The name stands in brackets and may hold anything, brackets too.
        var stat = Read(pid, "stat");
        return stat[(stat.LastIndexOf(')') + 1)..].Split(' ', StringSplitOptions.RemoveEmptyEntries);
    }

    private static string Read(int pid, string file)
    {
        try
        {
            return File.ReadAllText($"/proc/{pid.ToString(CultureInfo.InvariantCulture)}/{file}");
        }
        catch (Exception gone) when (gone is IOException or UnauthorizedAccessException)
        {
            // It ended while we looked (ESRCH comes as an IOException), or is another user's, of which nothing must be known here.
            return "";
        }
    }

    private static void Signal(int pid, int signal)
    {
        // ESRCH is the only failure that can be met here, and it is what was wanted.
        _ = kill(pid, signal);
    }

    [LibraryImport("libc")]
    private static partial int kill(int pid, int signal);
}
