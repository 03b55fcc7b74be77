namespace Orleans.DOS.Cli.Demo;

/// <summary>One file of the demo's input: local files one behind the other, up to a length, stored under one name.</summary>
/// <param name="Name">Its path under /input.</param>
/// <param name="Sources">Paths on this host.</param>
/// <param name="Length">Bytes taken from them.</param>
internal sealed record DemoText(string Name, IReadOnlyList<string> Sources, long Length)
{
    private const long FileBytesMax = 24L << 20;

    public Stream Open() => new ConcatenatedStream(Sources, Length);

    /// <summary>Real text of <paramref name="size"/> bytes: the files of a directory, repeated under different names; 0: each once.</summary>
    /// <exception cref="DosException">NoSuchPath: there is no text there.</exception>
    public static IReadOnlyList<DemoText> Plan(string? directory, long size)
    {
        var root = directory ?? DefaultDirectory();
        var files = Directory.Exists(root)
            ? Directory.EnumerateFiles(root, directory is null ? "*.xml" : "*", SearchOption.AllDirectories)
                .Select(path => new FileInfo(path)).Where(file => file.Length > 0).OrderBy(file => file.FullName, StringComparer.Ordinal).ToList()
            : [];
        if (files.Count == 0)
        {
            throw new DosException(DosErrorCode.NoSuchPath, $"there is no text in {root}; name a directory with --input");
        }
        var groups = Group(files);
        var wanted = size > 0 ? size : groups.Sum(group => group.Length);
        var texts = new List<DemoText>();
        for (var copy = 1; wanted > 0; copy++)
        {
            for (var part = 0; part < groups.Count && wanted > 0; part++)
            {
                var length = Math.Min(wanted, groups[part].Length);
                texts.Add(new DemoText($"/input/copy-{copy:000}-{part:000}.txt", groups[part].Sources, length));
                wanted -= length;
            }
        }
        return texts;
    }

    /// <summary>Small files go together into one, so that the demo is about bytes and not about names.</summary>
    private static List<(List<string> Sources, long Length)> Group(IReadOnlyList<FileInfo> files)
    {
        var groups = new List<(List<string> Sources, long Length)>();
        foreach (var file in files)
        {
            if (groups.Count == 0 || groups[^1].Length + file.Length > FileBytesMax)
            {
                groups.Add(([], 0));
            }
            groups[^1].Sources.Add(file.FullName);
            groups[^1] = (groups[^1].Sources, groups[^1].Length + file.Length);
        }
        return groups;
    }

    /// <summary>The XML reference documents that every .NET SDK brings along.</summary>
    private static string DefaultDirectory()
    {
        var runtime = Path.GetDirectoryName(typeof(object).Assembly.Location)!;
        // .../dotnet/shared/Microsoft.NETCore.App/10.0.0 -> .../dotnet/packs
        return Path.GetFullPath(Path.Combine(runtime, "..", "..", "..", "packs"));
    }
}
