using Microsoft.AspNetCore.Http;
using Microsoft.Extensions.DependencyInjection;
using Microsoft.Extensions.Hosting;
using Microsoft.Extensions.Logging;
using Orleans.DOS.Machines;
using Orleans.DOS.Security;

namespace Orleans.DOS.Http;

/// <summary>
/// The one way into every endpoint: checks the credential before anything of the request is looked at, and turns whatever fails into a
/// problem. Endpoints are mapped through it only, so none can be open by mistake.
/// </summary>
internal sealed partial class DosDoor(IMachines machines, ICredentialVerifier verifier, IHostApplicationLifetime lifetime, ILogger<DosDoor> log)
{
    private const string Scheme = "Bearer ";

    public static Delegate Endpoint(Func<DosCall, Task> handler) =>
        (HttpContext http) => http.RequestServices.GetRequiredService<DosDoor>().ServeAsync(http, handler);

    private async Task ServeAsync(HttpContext http, Func<DosCall, Task> handler)
    {
        using var waiting = CancellationTokenSource.CreateLinkedTokenSource(http.RequestAborted, lifetime.ApplicationStopping);
        try
        {
            var caller = await AuthenticateAsync(http).ConfigureAwait(false);
            await handler(new DosCall(http, caller, machines, waiting.Token)).ConfigureAwait(false);
        }
        catch (DosException exception)
        {
            await ProblemAnswer.WriteAsync(http, exception.Error).ConfigureAwait(false);
        }
        catch (BadHttpRequestException exception)
        {
            var code = exception.StatusCode == StatusCodes.Status413PayloadTooLarge ? DosErrorCode.LimitExceeded : DosErrorCode.InvalidArgument;
            await ProblemAnswer.WriteAsync(http, new DosError(code, "the request is malformed or too large")).ConfigureAwait(false);
        }
        catch (Exception) when (http.RequestAborted.IsCancellationRequested)
        {
            // Nobody listens any more.
            http.Abort();
        }
        catch (OperationCanceledException) when (lifetime.ApplicationStopping.IsCancellationRequested)
        {
            await ProblemAnswer.WriteAsync(http, new DosError(DosErrorCode.Unavailable, "the node is stopping; another one answers")).ConfigureAwait(false);
        }
        catch (Exception exception)
        {
            // A bug. The log has the trace; the caller gets the place to look for it.
            LogBug(http.Request.Method, http.TraceIdentifier, exception);
            await ProblemAnswer.WriteAsync(http, new DosError(DosErrorCode.Internal, $"a bug in the node; its log has it under {http.TraceIdentifier}")).ConfigureAwait(false);
        }
    }

    private async ValueTask<Caller> AuthenticateAsync(HttpContext http)
    {
        var header = http.Request.Headers.Authorization;
        var text = header.Count == 1 ? header[0] : null;
        if (text is null || !text.StartsWith(Scheme, StringComparison.OrdinalIgnoreCase))
        {
            throw new DosException(DosErrorCode.Unauthenticated, "the call carries no bearer token");
        }
        var token = text[Scheme.Length..].Trim();
        var caller = token.Length is > 0 and <= Credentials.TokenLengthMax
            ? await verifier.VerifyAsync(token, http.RequestAborted).ConfigureAwait(false)
            : null;
        return caller ?? throw new DosException(DosErrorCode.Unauthenticated, "the bearer token is not known here");
    }
}
