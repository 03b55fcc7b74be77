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
    /// <exception cref="UnauthorizedAccessException">Some of it must not be read.</exception>
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
        foreach (var file in files)
        {
            // What cannot be read is told now, and not when nodes are up and half of it is stored.
            file.OpenRead().Dispose();
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

    /// <summary>The XML reference documents that every .NET SDK brings along. The runtime that we run on may be another installation's, without an SDK.</summary>
    private static string DefaultDirectory()
    {
        // .../dotnet/shared/Microsoft.NETCore.App/10.0.0/
        var ours = Path.Combine(Path.GetDirectoryName(typeof(object).Assembly.Location)!, "..", "..", "..");
        var onPath = (Environment.GetEnvironmentVariable("PATH") ?? "").Split(Path.PathSeparator, StringSplitOptions.RemoveEmptyEntries)
            .Select(folder => new FileInfo(Path.Combine(folder, "dotnet"))).Where(file => file.Exists)
            .Select(file => (file.ResolveLinkTarget(returnFinalTarget: true) ?? file).FullName).Select(Path.GetDirectoryName);
        string?[] roots = [Environment.GetEnvironmentVariable("DOTNET_ROOT"), ours, .. onPath];
        return roots.Where(root => !string.IsNullOrEmpty(root)).Select(root => Path.GetFullPath(Path.Combine(root!, "packs")))
            .FirstOrDefault(packs => Directory.Exists(packs) && Directory.EnumerateFiles(packs, "*.xml", SearchOption.AllDirectories).Any())
            ?? throw new DosException(DosErrorCode.NoSuchPath, "no .NET SDK with reference documents was found by DOTNET_ROOT or PATH; name a directory with text with --input");
    }
}
