namespace Orleans.DOS.Cli.Cluster;

/// <summary>Nodes of a directory whose supervisor was killed. Found by process and command line, so that one that never came up is found too.</summary>
internal static class Leftovers
{
    private static readonly TimeSpan KillMax = TimeSpan.FromSeconds(10);

    /// <summary>Kills them and waits until they are gone: until then they hold the locks of their directories. The caller holds the supervisor's lock.</summary>
    /// <exception cref="DosException">InUse: one did not go.</exception>
    public static async Task KillAsync(DataFolder data, Action<string> tell, CancellationToken cancellation)
    {
        var found = HostProcess.All().Select(process => (Process: process, Name: NodeName(process, data))).Where(left => left.Name is not null).ToList();
        foreach (var (process, name) in found)
        {
            tell($"node {name} (process {process.Pid}) was left behind by an earlier supervisor; it is killed");
            HostProcess.Kill(process.Pid);
        }
        foreach (var (process, name) in found)
        {
            if (!await process.GoneAsync(KillMax, cancellation))
            {
                throw new DosException(DosErrorCode.InUse, $"process {process.Pid}, left behind as node {name}, does not end");
            }
        }
    }

    /// <returns>The node's name; null for a process that no supervisor of this directory started.</returns>
    private static string? NodeName(HostProcess process, DataFolder data)
    {
        var line = process.CommandLine;
        return line.Length > 0 && Path.GetFileName(line[0]) == NodeProgram.FileName && Value(line, "--data") == data.Path
            && process.Environment.Any(variable => variable.StartsWith(NodeStart.SupervisedVariable + "=", StringComparison.Ordinal))
            ? Value(line, "--name")
            : null;
    }

    private static string? Value(string[] line, string option) => Array.IndexOf(line, option) is >= 0 and var at && at + 1 < line.Length ? line[at + 1] : null;
}
