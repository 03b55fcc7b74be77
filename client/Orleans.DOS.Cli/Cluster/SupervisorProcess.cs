using System.Globalization;

namespace Orleans.DOS.Cli.Cluster;

/// <summary>The supervisor of a directory, seen from another process.</summary>
internal static class SupervisorProcess
{
    /// <returns>Its process id, or null when none runs.</returns>
    public static int? Find(DataFolder data)
    {
        // The lock that .NET takes is advisory (flock): an open that wants it tells whether it is held, and cat reads the text beside it.
        try
        {
            using var file = new FileStream(data.LockPath, FileMode.Open, FileAccess.ReadWrite, FileShare.None);
            return null;
        }
        catch (FileNotFoundException)
        {
            return null;
        }
        catch (DirectoryNotFoundException)
        {
            return null;
        }
        catch (IOException)
        {
            using var cat = System.Diagnostics.Process.Start(new System.Diagnostics.ProcessStartInfo("cat", [data.LockPath]) { RedirectStandardOutput = true })!;
            return int.TryParse(cat.StandardOutput.ReadToEnd(), NumberStyles.None, CultureInfo.InvariantCulture, out var pid) ? pid : null;
        }
    }
}
