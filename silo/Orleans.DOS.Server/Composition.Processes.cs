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
        var slots = Math.Max(1, (int)boot.Facts.Cpus);
        services.AddSingleton(new ProgramHostOptions
        {
            OutputDirectory = Path.Combine(boot.Directory.NodeRoot, "output"),
            TaskSlots = slots,
            // A task on every core of the node leaves one worker for programs; the host's other cores are other nodes'.
            WorkersMax = slots + 1,
        });
        services.AddSingleton<ProgramHost>();
        services.AddSingleton<ProcessWriter>();
        services.AddSingleton<SpawnedHere>();
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
