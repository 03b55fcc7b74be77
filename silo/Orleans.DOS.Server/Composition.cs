using Microsoft.Extensions.Hosting;
using Orleans.DOS.Server.Boot;

namespace Orleans.DOS.Server;

internal static partial class Composition
{
    public static void Add(IHostApplicationBuilder builder, NodeBoot boot)
    {
        AddNodes(builder.Services, boot);
        AddFiles(builder.Services);
        AddHttp(builder.Services, boot);
        builder.UseOrleans(silo =>
        {
            AddSilo(silo, boot);
            AddNodeService(silo);
            AddSegments(silo, boot);
            AddPrograms(silo, boot);
            AddJobs(silo.Services);
        });
        AddSegmentsAfterSilo(builder.Services);
        AddProgramsAfterSilo(builder.Services);
        AddAfterSilo(builder.Services);
    }
}
