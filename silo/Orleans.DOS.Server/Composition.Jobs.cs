using System.Reflection;
using Microsoft.Extensions.DependencyInjection;
using Orleans.DOS.Jobs;

namespace Orleans.DOS.Server;

internal static partial class Composition
{
    /// <summary>The coordinator only asks a job program how it partitions; its Map and Reduce run in workers.</summary>
    private static void AddJobs(IServiceCollection services)
    {
        var userland = Path.Combine(AppContext.BaseDirectory, "worker", "Orleans.DOS.Userland.dll");
        services.AddDosJobs(System.IO.File.Exists(userland) ? [Assembly.LoadFrom(userland)] : []);
    }
}
