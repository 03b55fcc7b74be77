using System.Text;

namespace Orleans.DOS.Client;

/// <summary>Checks that spare a hopeless call. The nodes check again: nothing rests on these.</summary>
internal static class Arguments
{
    public static string Path(string path)
    {
        if (string.IsNullOrEmpty(path))
        {
            throw new DosException(DosErrorCode.InvalidPath, "the path is empty");
        }
        if (path.Contains('\0', StringComparison.Ordinal))
        {
            throw new DosException(DosErrorCode.InvalidPath, "a path cannot contain NUL");
        }
        if (Encoding.UTF8.GetByteCount(path) > Limits.PathBytesMax)
        {
            throw new DosException(DosErrorCode.PathTooLong, $"a path has at most {Limits.PathBytesMax} bytes");
        }
        return path;
    }

    public static int PageLimit(int limit) => limit is >= 1 and <= Limits.PageEntriesMax
        ? limit
        : throw new DosException(DosErrorCode.InvalidArgument, $"a page has 1 to {Limits.PageEntriesMax} entries, not {limit}");

    public static long Position(long position) => position >= 0
        ? position
        : throw new DosException(DosErrorCode.InvalidArgument, $"a position is not negative ({position})");

    public static long Incarnation(long incarnation) => incarnation >= 0
        ? incarnation
        : throw new DosException(DosErrorCode.InvalidArgument, $"the number of a start is not negative ({incarnation})");

    public static int Count(int count) => count >= 0
        ? count
        : throw new DosException(DosErrorCode.InvalidArgument, $"a count is not negative ({count})");

    public static void BytesMax(long bytes, int max, string what)
    {
        if (bytes > max)
        {
            throw new DosException(DosErrorCode.LimitExceeded, $"{what} has at most {max} bytes, not {bytes}");
        }
    }
}
