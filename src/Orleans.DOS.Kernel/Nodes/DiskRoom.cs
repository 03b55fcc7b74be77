namespace Orleans.DOS.Nodes;

/// <summary>Bytes of a file system, and those of them that may still be written.</summary>
public readonly record struct DiskSpace(long Size, long Free);

/// <summary>
/// Refuses what would take a disk's last room, so that what frees some (removals, seals, journals, the catalog on the same disk) still
/// finds it. Looks at the disk seldom: it hands out room in advances. Safe for concurrent use.
/// </summary>
/// <param name="look">Asks the disk.</param>
/// <param name="share">Of the reserve that <see cref="ReserveOf"/> names, this part is kept, in percent.</param>
public sealed class DiskRoom(Func<DiskSpace> look, int share = 100)
{
    private const long ReserveBytesMax = 64L * 1024 * 1024;
    private const int ReserveFraction = 16, AdvanceFraction = 16;
    private long _advance;

    /// <summary>Bytes that are not given away: of a small disk a part, of a large one no more than it takes to clear up.</summary>
    public static long ReserveOf(long size) => Math.Min(ReserveBytesMax, size / ReserveFraction);

    /// <returns>False: no more than the reserve would be left.</returns>
    public bool TryTake(long bytes)
    {
        if (Interlocked.Add(ref _advance, -bytes) >= 0)
        {
            return true;
        }
        var space = look();
        var reserve = ReserveOf(space.Size) * share / 100;
        var room = space.Free - reserve - bytes;
        // Others write to the disk too: what is handed out without looking is small against the reserve.
        Interlocked.Exchange(ref _advance, Math.Clamp(room, 0, reserve / AdvanceFraction));
        return room >= 0;
    }
}
