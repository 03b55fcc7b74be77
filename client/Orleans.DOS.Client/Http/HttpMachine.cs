using Orleans.DOS.Files;
using Orleans.DOS.Jobs;
using Orleans.DOS.Machines;
using Orleans.DOS.Nodes;
using Orleans.DOS.Processes;
using Orleans.DOS.Security;

namespace Orleans.DOS.Client.Http;

/// <summary>
/// One machine over HTTP, with the same promises as over Orleans: each call is repeated by the same request id, at the next node where
/// one does not answer, and fails within 6 s.
/// </summary>
public sealed class HttpMachine : IMachine, IDisposable
{
    private readonly HttpCaller _caller;

    private HttpMachine(HttpCaller caller, string name)
    {
        (_caller, Name) = (caller, name);
        var root = "/v1/machines/" + Uri.EscapeDataString(name);
        Processes = new HttpProcesses(_caller, root + "/processes");
        Jobs = new HttpJobs(_caller, root + "/jobs");
        Files = new HttpFiles(_caller, root);
        Nodes = new HttpNodes(_caller);
    }

    /// <exception cref="DosException">InvalidArgument: no address, an address that is not http or https, or no token.</exception>
    public static HttpMachine Create(HttpMachineOptions options)
    {
        ArgumentNullException.ThrowIfNull(options);
        if (options.UnixSocketPath is null && options.Urls.Count == 0)
        {
            throw new DosException(DosErrorCode.InvalidArgument, "no address of a node is given");
        }
        if (options.Urls.FirstOrDefault(url => !url.IsAbsoluteUri || url.Scheme is not ("http" or "https")) is { } bad)
        {
            throw new DosException(DosErrorCode.InvalidArgument, $"'{bad}' is no address of HTTP");
        }
        if (string.IsNullOrWhiteSpace(options.Token) || options.Token.Length > Credentials.TokenLengthMax || options.Token.Any(static c => c is <= ' ' or > '~'))
        {
            throw new DosException(DosErrorCode.Unauthenticated, "the token is empty or malformed");
        }
        return new HttpMachine(new HttpCaller(options, TimeProvider.System), options.Machine);
    }

    public string Name { get; }
    public IProcesses Processes { get; }
    public IJobs Jobs { get; }
    public IFiles Files { get; }
    public INodes Nodes { get; }

    /// <inheritdoc/>
    /// <remarks>Shares this one's connections, and ends with it.</remarks>
    public IMachine WithRequest(RequestId request) => new HttpMachine(_caller.With(RequestIds.Named(request)), Name);

    /// <summary>Who the token says that we are.</summary>
    public Task<Caller> WhoAmIAsync(CancellationToken cancellationToken = default) =>
        _caller.JsonAsync(HttpCall.Get("/v1/whoami"), DosJson.Default.Caller, cancellationToken);

    public void Dispose() => _caller.Dispose();
}
