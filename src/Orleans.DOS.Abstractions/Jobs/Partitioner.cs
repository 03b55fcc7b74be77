namespace Orleans.DOS.Jobs;

/// <summary>
/// Which reducer a key goes to. Part of the contract: every worker of a job, whatever its release, must answer alike, and whoever
/// reads results may compute in which part a key stands.
/// </summary>
public static class Partitioner
{
    /// <summary>FNV-1a, 64 bits, finished by a mixer, because FNV's low bits alone are weak for short keys.</summary>
    public static ulong Hash(ReadOnlySpan<byte> key)
    {
        var hash = 14695981039346656037UL;
        foreach (var b in key)
        {
            hash = (hash ^ b) * 1099511628211UL;
        }
        hash ^= hash >> 33;
        hash *= 0xff51afd7ed558ccdUL;
        return hash ^ (hash >> 33);
    }

    /// <returns>0 to <paramref name="partitions"/> - 1.</returns>
    public static int ByHash(ReadOnlySpan<byte> key, int partitions)
    {
        ArgumentOutOfRangeException.ThrowIfLessThan(partitions, 1);
        return (int)(Hash(key) % (ulong)partitions);
    }

    /// <param name="boundaries">Ascending first keys of all partitions but the first.</param>
    /// <returns>0 to the number of boundaries.</returns>
    public static int ByRange(ReadOnlySpan<byte> key, IReadOnlyList<byte[]> boundaries)
    {
        int low = 0, high = boundaries.Count;
        while (low < high)
        {
            var middle = (low + high) >>> 1;
            if (key.SequenceCompareTo(boundaries[middle]) < 0)
            {
                high = middle;
            }
            else
            {
                low = middle + 1;
            }
        }
        return low;
    }
}
