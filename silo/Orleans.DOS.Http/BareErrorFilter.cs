using Microsoft.AspNetCore.Builder;
using Microsoft.AspNetCore.Hosting;
using Microsoft.AspNetCore.Http;

namespace Orleans.DOS.Http;

/// <summary>Gives the errors that nobody gave a body (no such route, not with this method) the problem that every other error has.</summary>
internal sealed class BareErrorFilter : IStartupFilter
{
    public Action<IApplicationBuilder> Configure(Action<IApplicationBuilder> next) => app =>
    {
        app.Use(async (http, following) =>
        {
            await following(http).ConfigureAwait(false);
            var response = http.Response;
            if (response is { HasStarted: false, StatusCode: >= 400, ContentType: null, ContentLength: null or 0 })
            {
                var allowed = response.Headers.Allow;
                var error = response.StatusCode is StatusCodes.Status404NotFound or StatusCodes.Status405MethodNotAllowed
                    ? new DosError(DosErrorCode.NotSupported, "there is no such route, or not with this method")
                    : new DosError(response.StatusCode < 500 ? DosErrorCode.InvalidArgument : DosErrorCode.Internal, "the request cannot be served");
                await ProblemAnswer.WriteAsync(http, error, response.StatusCode, headers => headers.Allow = allowed).ConfigureAwait(false);
            }
        });
        next(app);
    };
}
