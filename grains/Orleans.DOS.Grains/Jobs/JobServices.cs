using System.Reflection;
using Microsoft.Extensions.DependencyInjection;
using Orleans.Runtime;

namespace Orleans.DOS.Jobs;

/// <summary>What a node needs for jobs.</summary>
public static class JobServices
{
    /// <param name="programs">Assemblies with trusted job programs: the userland.</param>
    public static IServiceCollection AddDosJobs(this IServiceCollection services, params Assembly[] programs) => services
        .AddSingleton<IJobPrograms>(_ => new JobPrograms(programs))
        .AddSingleton<JobJournal>()
        .AddSingleton<JobWarden>()
        .AddSingleton<ILifecycleParticipant<ISiloLifecycle>>(provider => provider.GetRequiredService<JobWarden>());
}
