namespace Orleans.DOS.Cli.Cluster;

/// <summary>Finds the node's executable: $DOS_NODE, beside the command line, or in the checkout's build output.</summary>
internal static class NodeProgram
{
    public const string FileName = "Orleans.DOS.Node";

    public static string Find()
    {
        string[] places =
        [
            Environment.GetEnvironmentVariable("DOS_NODE") ?? "",
            Path.Combine(AppContext.BaseDirectory, FileName),
            // As the tool's package lays it out.
            Path.Combine(AppContext.BaseDirectory, "node", FileName),
            Path.GetFullPath(Path.Combine(AppContext.BaseDirectory, "../../../../../silo/Orleans.DOS.Node/bin/Release/net10.0", FileName)),
        ];
        return places.FirstOrDefault(File.Exists)
            ?? throw new DosException(DosErrorCode.NoSuchPath, $"the node's executable {FileName} is neither beside dos nor in the checkout; name it in $DOS_NODE");
    }
}
