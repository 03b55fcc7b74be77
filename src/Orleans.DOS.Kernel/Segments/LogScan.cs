namespace Orleans.DOS.Segments;

/// <summary>What a look at the file of an open segment found; bytes of its log.</summary>
/// <param name="ValidEnd">Of the whole, valid frames from the start on.</param>
/// <param name="LastGoodEnd">Of the last valid frame anywhere; <paramref name="ValidEnd"/> when none lies behind a bad one.</param>
/// <param name="FileEnd">Of the file.</param>
public readonly record struct LogScan(long ValidEnd, long LastGoodEnd, long FileEnd)
{
    /// <summary>Everything that is there is good.</summary>
    public static LogScan Whole(long end) => new(end, end, end);
}
