namespace Orleans.DOS.Scenarios.Harness;

/// <summary>The programs under test, in the configuration of this project.</summary>
internal static class Checkout
{
    public static string Dos { get; } = Built("client/Orleans.DOS.Cli", "dos");
    public static string Node { get; } = Built("silo/Orleans.DOS.Node", "Orleans.DOS.Node");

    // Of .../tests/Orleans.DOS.Scenarios/bin/Release/net10.0
    private static string Built(string project, string program)
    {
        var output = new DirectoryInfo(AppContext.BaseDirectory.TrimEnd(Path.DirectorySeparatorChar));
        var root = output.Parent!.Parent!.Parent!.Parent!.Parent!;
        return Path.Combine(root.FullName, project, "bin", output.Parent.Name, output.Name, program);
    }
}
