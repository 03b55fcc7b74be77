using Microsoft.AspNetCore.Builder;
using Microsoft.Extensions.DependencyInjection;
using Microsoft.Extensions.Hosting;
using Microsoft.Extensions.Logging;
using Orleans.DOS.Http;
using Orleans.DOS.Server.Boot;

namespace Orleans.DOS.Server;

/// <summary>Makes a .NET host application a node.</summary>
public static class DosNodeExtensions
{
    /// <summary>Leaves some of the 10 s within which a node that was asked to stop has ended to what is closed with the host: its workers get 2 s.</summary>
    private static readonly TimeSpan ShutdownTimeout = TimeSpan.FromSeconds(7);

    /// <summary>
    /// Opens the node's directory and its catalog, and adds the silo with all services of a node. It blocks until that is done: a
    /// silo cannot be configured before the cluster's id is known. The host that is built from <paramref name="builder"/> closes both when it
    /// is disposed of, started or not; after that the directory may be opened again, by this process too.
    /// </summary>
    /// <exception cref="DosException">
    /// InvalidArgument, InUse, PortInUse, Unavailable, WrongCluster, SchemaTooNew, SchemaTooOld: the node cannot be; nothing is left open.
    /// </exception>
    public static IHostApplicationBuilder AddDosNode(this IHostApplicationBuilder builder, Action<DosNodeOptions> configure)
    {
        var options = new DosNodeOptions();
        configure(options);
        using var loggers = LoggerFactory.Create(logging => logging.AddConfiguration(builder.Configuration.GetSection("Logging")).AddSimpleConsole());
        var boot = NodeBoot.OpenAsync(options, TimeProvider.System, loggers, CancellationToken.None).GetAwaiter().GetResult();
        try
        {
            // A host reads its options when it is built: there and then the container takes the node's directory and catalog over.
            builder.Services.AddOptions<HostOptions>().Configure<NodeBoot>((host, _) => host.ShutdownTimeout = ShutdownTimeout);
            Composition.Add(builder, boot);
            return builder;
        }
        catch
        {
            boot.DisposeAsync().AsTask().GetAwaiter().GetResult();
            throw;
        }
    }

    /// <summary>Maps what a node answers over HTTP.</summary>
    public static WebApplication MapDosNode(this WebApplication app)
    {
        Composition.MapHealth(app);
        app.MapDosApi();
        return app;
    }
}
