using System.Runtime.CompilerServices;

namespace Orleans.DOS.Tidy.Tests;

/// <summary>The checkout that the tests look at.</summary>
internal static class Checkout
{
    public static string Root { get; } = Find();

    private static readonly string[] Areas = ["src", "grains", "silo", "client", "tests"];

    /// <summary>Paths relative to the root, with '/', of the files that are written by hand.</summary>
    public static IEnumerable<string> Files(string pattern) =>
        Areas.Select(area => Path.Combine(Root, area))
            .Where(Directory.Exists)
            .SelectMany(area => Directory.EnumerateFiles(area, pattern, SearchOption.AllDirectories))
            .Select(path => Path.GetRelativePath(Root, path).Replace('\\', '/'))
            .Where(path => !path.Contains("/obj/", StringComparison.Ordinal) && !path.Contains("/bin/", StringComparison.Ordinal))
            .Order(StringComparer.Ordinal);

    public static string Read(string relative) => File.ReadAllText(Path.Combine(Root, relative));

    private static string Find([CallerFilePath] string here = "")
    {
        for (var directory = new DirectoryInfo(Path.GetDirectoryName(here)!); directory is not null; directory = directory.Parent)
        {
            if (File.Exists(Path.Combine(directory.FullName, "Orleans.DOS.sln")))
            {
                return directory.FullName;
            }
        }
        throw new InvalidOperationException($"no checkout above {here}");
    }
}
