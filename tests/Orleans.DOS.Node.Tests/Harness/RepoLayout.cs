namespace Orleans.DOS.Node.Tests.Harness;

/// <summary>Where things are in a checkout.</summary>
internal static class RepoLayout
{
    public static string Root { get; } = FindRoot();

    /// <summary>The node's executable of the configuration under test (this project builds it).</summary>
    public static string NodeExecutable { get; } = Path.Combine(
        Root, "silo", "Orleans.DOS.Node", "bin", Configuration(), "net10.0", "Orleans.DOS.Node");

    /// <summary>The command, of the same.</summary>
    public static string DosExecutable { get; } = Path.Combine(Root, "client", "Orleans.DOS.Cli", "bin", Configuration(), "net10.0", "dos");

    private static string FindRoot()
    {
        for (var directory = new DirectoryInfo(AppContext.BaseDirectory); directory is not null; directory = directory.Parent)
        {
            if (System.IO.File.Exists(Path.Combine(directory.FullName, "Orleans.DOS.sln")))
            {
                return directory.FullName;
            }
        }
        throw new InvalidOperationException("The tests run from within a checkout");
    }

    // .../bin/Debug/net10.0
    private static string Configuration() =>
        new DirectoryInfo(AppContext.BaseDirectory.TrimEnd(Path.DirectorySeparatorChar)).Parent!.Name;
}
