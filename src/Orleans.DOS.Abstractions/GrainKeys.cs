using System.Globalization;

namespace Orleans.DOS;

/// <summary>
/// The one place where grain keys are made. Each begins with a letter that is no hexadecimal digit and a colon, because Orleans'
/// AdoNet storage reads keys that look like hex numbers or guids as such, so that "10" and "010" would share one row.
/// </summary>
public static class GrainKeys
{
    /// <summary>Of the stateless doors of a machine.</summary>
    public static string Machine(MachineId machine) => Join("m", machine.Value);
    public static string File(MachineId machine, InodeId inode) => Join("i", machine.Value, inode.Value);
    public static string Process(MachineId machine, ProcessId pid) => Join("p", machine.Value, pid.Value);
    public static string Job(MachineId machine, JobId job) => Join("j", machine.Value, job.Value);
    /// <summary>Of the grains of which a cluster has one, by their noun, e.g. <c>g:nodes</c>.</summary>
    public static string Cluster(string noun) => "g:" + noun;

    /// <summary>The numbers behind the prefix.</summary>
    /// <exception cref="FormatException">The key was not made here.</exception>
    public static (long First, long Second) Parse(string key)
    {
        var parts = key.Split(':');
        return parts.Length switch
        {
            2 => (Number(parts[1]), 0),
            3 => (Number(parts[1]), Number(parts[2])),
            _ => throw new FormatException($"'{key}' is not a key of {nameof(GrainKeys)}"),
        };
        static long Number(string text) => long.Parse(text, NumberStyles.None, CultureInfo.InvariantCulture);
    }

    private static string Join(string prefix, long first) => string.Create(CultureInfo.InvariantCulture, $"{prefix}:{first}");
    private static string Join(string prefix, long first, long second) => string.Create(CultureInfo.InvariantCulture, $"{prefix}:{first}:{second}");
}
