using Microsoft.Extensions.DependencyInjection;
using Microsoft.Extensions.Logging;
using Orleans.DOS.Segments;
using Orleans.DOS.Server.Boot;

namespace Orleans.DOS.Server;

internal static partial class Composition
{
    /// <summary>Where Linux tells which run of the host this is; elsewhere each start of the node counts as one, which only costs trust in unsynced bytes.</summary>
    private const string BootIdPath = "/proc/sys/kernel/random/boot_id";

    /// <summary>The node's segment store and its door. The container closes the store when the host ends.</summary>
    private static void AddSegments(ISiloBuilder silo, NodeBoot boot)
    {
        var hostRun = System.IO.File.Exists(BootIdPath) ? System.IO.File.ReadAllText(BootIdPath).Trim() : Guid.NewGuid().ToString("N");
        silo.Services.AddSingleton(provider => new SegmentStore(
            boot.Directory.DiskPath, hostRun, provider.GetRequiredService<ILogger<SegmentStore>>()));
        silo.Services.AddSingleton<SegmentDoor>();
        silo.Services.AddSingleton<ISegmentService>(provider => provider.GetRequiredService<SegmentDoor>());
        silo.Services.AddSingleton<IObjectLogs, ObjectLogs>();
        silo.AddGrainService<SegmentService>();
    }

    /// <summary>Started after the silo, since it calls other nodes' stores.</summary>
    private static void AddSegmentsAfterSilo(IServiceCollection services)
    {
        services.AddHostedService<SegmentRepair>();
        services.AddHostedService<SegmentScrubber>();
    }
}
