using System.Diagnostics;
using System.Runtime.InteropServices;

namespace Orleans.DOS.Cli.Cluster;

/// <summary>Signals to processes of this host.</summary>
internal static partial class HostProcess
{
    private const int SigTerm = 15;
    private const int SigKill = 9;

    /// <summary>Asks to end. One that is gone already is no fault.</summary>
    public static void Terminate(int pid) => Signal(pid, SigTerm);

    /// <inheritdoc cref="Terminate"/>
    public static void Kill(int pid) => Signal(pid, SigKill);

    /// <summary>Whether a process of this number runs this program: numbers are used again, so that a number alone proves nothing.</summary>
    public static bool Runs(int pid, string program)
    {
        try
        {
            using var process = Process.GetProcessById(pid);
            return !process.HasExited && process.MainModule?.FileName is { } file && Path.GetFileName(file) == Path.GetFileName(program);
        }
        catch (Exception gone) when (gone is ArgumentException or InvalidOperationException or System.ComponentModel.Win32Exception)
        {
            return false;
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
