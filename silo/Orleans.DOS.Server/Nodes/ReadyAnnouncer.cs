using Microsoft.Extensions.Hosting;
using Orleans.DOS.Nodes;

namespace Orleans.DOS.Server.Nodes;

/// <summary>Writes ready.json when silo and HTTP door are open, and removes it when the node begins to stop.</summary>
internal sealed class ReadyAnnouncer(
    IHostApplicationLifetime lifetime, DataDirectory directory, NodeFacts facts, ILocalSiloDetails silo) : IHostedService
{
    public Task StartAsync(CancellationToken cancellationToken)
    {
        lifetime.ApplicationStarted.Register(() => directory.WriteReadyFile(
            new ReadyFile(facts.Id.Value, Environment.ProcessId, facts.Url, facts.Gateway, silo.SiloAddress.Endpoint.ToString())));
        lifetime.ApplicationStopping.Register(directory.DeleteReadyFile);
        return Task.CompletedTask;
    }

    public Task StopAsync(CancellationToken cancellationToken) => Task.CompletedTask;
}
