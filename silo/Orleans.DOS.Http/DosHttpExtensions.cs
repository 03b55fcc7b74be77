using Microsoft.AspNetCore.Builder;
using Microsoft.AspNetCore.Hosting;
using Microsoft.AspNetCore.Http;
using Microsoft.AspNetCore.Routing;
using Microsoft.Extensions.DependencyInjection;
using Microsoft.Extensions.DependencyInjection.Extensions;
using Orleans.DOS.Machines;
using Orleans.DOS.Security;

namespace Orleans.DOS.Http;

/// <summary>
/// The HTTP door: translates between HTTP and <see cref="IMachine"/> and decides nothing. Every route under <c>/v1</c> needs a bearer token;
/// the OpenAPI document <c>/openapi/v1.json</c> needs none, since it says nothing about the cluster.
/// </summary>
public static class DosHttpExtensions
{
    /// <summary>Needs <see cref="IMachines"/> and <see cref="ICredentialVerifier"/> in the same services.</summary>
    public static IServiceCollection AddDosHttp(this IServiceCollection services)
    {
        ArgumentNullException.ThrowIfNull(services);
        services.AddRouting();
        services.AddOpenApi("v1");
        services.ConfigureHttpJsonOptions(static json => json.SerializerOptions.TypeInfoResolverChain.Insert(0, DosJson.Default));
        services.TryAddSingleton<DosDoor>();
        services.TryAddEnumerable(ServiceDescriptor.Singleton<IStartupFilter, RawFilePathFilter>());
        services.TryAddEnumerable(ServiceDescriptor.Singleton<IStartupFilter, BareErrorFilter>());
        return services;
    }

    public static IEndpointRouteBuilder MapDosApi(this IEndpointRouteBuilder endpoints)
    {
        ArgumentNullException.ThrowIfNull(endpoints);
        var v1 = endpoints.MapGroup("/v1");
        FileEndpoints.Map(v1);
        InodeEndpoints.Map(v1);
        CheckEndpoints.Map(v1);
        ProcessEndpoints.Map(v1);
        JobEndpoints.Map(v1);
        NodeEndpoints.Map(v1);
        // What is not known is not told to strangers either.
        v1.Map("/{**rest}", DosDoor.Endpoint(static call => ProblemAnswer.WriteAsync(
            call.Http, new DosError(DosErrorCode.NotSupported, "there is no such route, or not with this method"), StatusCodes.Status404NotFound))).ExcludeFromDescription();
        endpoints.MapOpenApi("/openapi/{documentName}.json");
        return endpoints;
    }

    internal static RouteHandlerBuilder MapDos(this IEndpointRouteBuilder v1, string method, string pattern, Func<DosCall, Task> handler, string summary) =>
        v1.MapMethods(pattern, [method], DosDoor.Endpoint(handler)).WithSummary(summary).ProducesProblem(StatusCodes.Status401Unauthorized);

    /// <summary>Tells the document what the body is. Routing must not look at its type: what curl calls a form would get "no such route".</summary>
    internal static RouteHandlerBuilder AcceptsJson<T>(this RouteHandlerBuilder route) where T : notnull =>
        route.Accepts<T>(isOptional: true, "application/json", "*/*");
}
