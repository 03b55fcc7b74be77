using Microsoft.Extensions.DependencyInjection;
using Orleans.DOS.Files;
using Orleans.DOS.Processes;
using Orleans.DOS.Server.Boot;

namespace Orleans.DOS.Server;

internal static partial class Composition
{
    /// <summary>The program host and its door; its workers are processes of their own.</summary>
    private static void AddPrograms(ISiloBuilder silo, NodeBoot boot)
    {
        var services = silo.Services;
        services.AddSingleton(new ProgramHostOptions
        {
            OutputDirectory = Path.Combine(boot.Directory.NodeRoot, "output"),
            TaskSlots = Math.Max(1, (int)boot.Facts.Cpus),
        });
        services.AddSingleton<ProgramHost>();
        services.AddSingleton<ProcessLauncher>();
        services.AddSingleton<IPathProvider, ProcessPaths>();
        services.AddSingleton<IWorkerProcesses>(provider => provider.GetRequiredService<ProgramHost>());
        services.AddSingleton<IProgramManifest>(provider => provider.GetRequiredService<ProgramHost>());
        silo.AddGrainService<ProgramHostService>();
    }

    /// <summary>Started after the silo, since it calls grains.</summary>
    private static void AddProgramsAfterSilo(IServiceCollection services)
    {
        services.AddHostedService<ExitTeller>();
        services.AddHostedService<ProcessWarden>();
    }
}
