using Microsoft.Extensions.DependencyInjection;
using Orleans.DOS.Checks;
using Orleans.DOS.Files;
using Orleans.DOS.Nodes;

namespace Orleans.DOS.Server;

internal static partial class Composition
{
    /// <summary>What the grains of files are given: ownership, reading by plan, and the paths that are no inodes.</summary>
    private static void AddFiles(IServiceCollection services)
    {
        services.AddSingleton<IOwnership, Ownership>();
        services.AddSingleton<FileReader>();
        services.AddSingleton<NamespaceWriter>();
        services.AddSingleton<IPathProvider, NodePaths>();
        services.AddChecks();
    }
}
