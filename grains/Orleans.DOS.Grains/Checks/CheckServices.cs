using Microsoft.Extensions.DependencyInjection;

namespace Orleans.DOS.Checks;

/// <summary>What the grain of checks is given.</summary>
public static class CheckServices
{
    public static IServiceCollection AddChecks(this IServiceCollection services) =>
        services.AddSingleton<NameCheck>().AddSingleton<ExtentCheck>().AddSingleton<SegmentCheck>().AddSingleton<DiskCheck>();
}
