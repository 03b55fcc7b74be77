namespace Orleans.DOS.Segments;

/// <summary>
/// Which files of a disk nobody names. A row is committed before its replicas are made, so what was there when the files were listed
/// has a row by then, if it ever had one: the names must be read <b>after</b> the listing, else a segment that is just being made is
/// taken for a leftover.
/// </summary>
public static class DiskSweep
{
    /// <param name="listed">Files that were there before the names were read.</param>
    /// <param name="named">Segments that have a row for this disk, whatever its state.</param>
    public static IReadOnlyList<T> Unnamed<T>(IEnumerable<T> listed, IReadOnlySet<T> named) => [.. listed.Where(segment => !named.Contains(segment))];
}
