using System.Globalization;
using Orleans.DOS.Files;

namespace Orleans.DOS.Http;

/// <summary>The ETag of a file: its version.</summary>
internal static class FileTag
{
    public static string Of(FileStat stat) => string.Create(CultureInfo.InvariantCulture, $"\"{stat.Version}\"");
}
