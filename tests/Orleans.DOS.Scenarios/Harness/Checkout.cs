namespace Orleans.DOS.Scenarios.Harness;

/// <summary>The programs under test, in the configuration of this project.</summary>
internal static class Checkout
{
    // Of .../tests/Orleans.DOS.Scenarios/bin/Release/net10.0
    private static readonly DirectoryInfo Output = new(AppContext.BaseDirectory.TrimEnd(Path.DirectorySeparatorChar));

    public static string Root { get; } = Output.Parent!.Parent!.Parent!.Parent!.Parent!.FullName;
    public static string Dos { get; } = Built("client/Orleans.DOS.Cli", "dos");
    public static string Node { get; } = Built("silo/Orleans.DOS.Node", "Orleans.DOS.Node");

    private static string Built(string project, string program) => Path.Combine(Root, project, "bin", Output.Parent!.Name, Output.Name, program);
}
