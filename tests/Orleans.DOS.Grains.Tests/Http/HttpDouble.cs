using Microsoft.AspNetCore.Builder;
using Microsoft.AspNetCore.Hosting;
using Microsoft.AspNetCore.Routing;
using Microsoft.Extensions.DependencyInjection;
using Microsoft.Extensions.Logging;
using Orleans.DOS.Client.Http;
using Orleans.DOS.Http;
using Orleans.DOS.Machines;
using Orleans.DOS.Security;

namespace Orleans.DOS.Tests.Http;

/// <summary>The HTTP door in Kestrel on a free port (and a Unix socket, if wanted) over a double.</summary>
internal sealed class HttpDouble : IAsyncDisposable
{
    private readonly WebApplication _app;

    private HttpDouble(WebApplication app, DoubleMachines machines) => (_app, Machines) = (app, machines);

    public DoubleMachines Machines { get; }
    public Uri Url => new(_app.Urls.First(static url => url.StartsWith("http://127", StringComparison.Ordinal)));
    public IEnumerable<RouteEndpoint> Endpoints => _app.Services.GetRequiredService<IEnumerable<EndpointDataSource>>().SelectMany(static source => source.Endpoints).OfType<RouteEndpoint>();

    /// <param name="real">Machines and credentials instead of the double's.</param>
    public static async Task<HttpDouble> StartAsync(DoubleMachines? machines = null, string? socket = null, (IMachines Machines, ICredentialVerifier Verifier)? real = null)
    {
        machines ??= new DoubleMachines();
        var builder = WebApplication.CreateSlimBuilder();
        builder.Logging.ClearProviders();
        builder.WebHost.ConfigureKestrel(kestrel =>
        {
            kestrel.Listen(System.Net.IPAddress.Loopback, 0);
            if (socket is not null)
            {
                kestrel.ListenUnixSocket(socket);
            }
        });
        builder.Services.AddSingleton(real?.Machines ?? machines).AddSingleton(real?.Verifier ?? new DoubleVerifier()).AddDosHttp();
        var app = builder.Build();
        app.MapDosApi();
        await app.StartAsync();
        return new HttpDouble(app, machines);
    }

    public HttpMachine Client(params Uri[] others) => HttpMachine.Create(new HttpMachineOptions { Urls = [Url, .. others], Token = DoubleVerifier.Token });

    public HttpClient Raw(string? token = DoubleVerifier.Token)
    {
        var http = new HttpClient { BaseAddress = Url };
        if (token is not null)
        {
            http.DefaultRequestHeaders.Add("Authorization", "Bearer " + token);
        }
        return http;
    }

    public Task StopAsync() => _app.StopAsync();

    public ValueTask DisposeAsync() => _app.DisposeAsync();
}
