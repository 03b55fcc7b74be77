using Microsoft.AspNetCore.Builder;
using Microsoft.AspNetCore.Hosting;
using Microsoft.AspNetCore.Http.Features;

namespace Orleans.DOS.Http;

/// <summary>Takes the file path out of the request before routing sees (and would have changed) it.</summary>
internal sealed class RawFilePathFilter : IStartupFilter
{
    public Action<IApplicationBuilder> Configure(Action<IApplicationBuilder> next) => app =>
    {
        app.Use((http, following) =>
        {
            if (http.Features.Get<IHttpRequestFeature>() is { RawTarget: { } target } && RawFilePath.TrySplit(target, out var route, out var path))
            {
                http.Features.Set(path);
                http.Request.Path = route;
            }
            return following(http);
        });
        next(app);
    };
}
