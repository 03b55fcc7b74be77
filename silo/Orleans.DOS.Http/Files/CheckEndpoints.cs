using Microsoft.AspNetCore.Builder;
using Microsoft.AspNetCore.Http;
using Microsoft.AspNetCore.Routing;
using Orleans.DOS.Checks;
using Orleans.DOS.Machines;

namespace Orleans.DOS.Http;

/// <summary>Checks of names and content: <c>/v1/machines/{machine}/check</c>.</summary>
internal static class CheckEndpoints
{
    private const string Pattern = "/machines/{machine}/check";

    public static void Map(IEndpointRouteBuilder v1)
    {
        v1.MapDos(HttpMethods.Get, Pattern, call => StepAsync(call, mend: false), "One step of a check behind ?after=; ?deep reads every byte of every replica").Produces<CheckStep>();
        v1.MapDos(HttpMethods.Post, Pattern, call => StepAsync(call, mend: true), "The same, and mends what can be mended without losing anything").Produces<CheckStep>();
    }

    private static async Task StepAsync(DosCall call, bool mend)
    {
        var step = await call.Machine().Files.CheckAsync(new CheckOptions { Deep = call.Flag("deep"), Mend = mend }, call.Text("after"), call.Aborted).ConfigureAwait(false);
        await call.AnswerAsync(step, DosJson.Default.CheckStep).ConfigureAwait(false);
    }
}
