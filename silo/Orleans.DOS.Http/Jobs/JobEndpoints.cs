using Microsoft.AspNetCore.Builder;
using Microsoft.AspNetCore.Http;
using Microsoft.AspNetCore.Routing;
using Orleans.DOS.Jobs;
using Orleans.DOS.Machines;

namespace Orleans.DOS.Http;

/// <summary>Jobs: <c>/v1/machines/{machine}/jobs</c>.</summary>
internal static class JobEndpoints
{
    private const string Pattern = "/machines/{machine}/jobs";

    public static void Map(IEndpointRouteBuilder v1)
    {
        v1.MapDos(HttpMethods.Post, Pattern, SubmitAsync, "Submits a job").AcceptsJson<JobSpec>().Produces<JobStatus>(StatusCodes.Status201Created);
        v1.MapDos(HttpMethods.Get, Pattern, ListAsync, "Jobs; ?after=, ?limit=").Produces<Page<JobStatus>>();
        v1.MapDos(HttpMethods.Get, Pattern + "/{job}", StatusAsync, "One job").Produces<JobStatus>();
        v1.MapDos(HttpMethods.Delete, Pattern + "/{job}", CancelAsync, "Cancels a job").Produces(StatusCodes.Status204NoContent);
        v1.MapDos(HttpMethods.Post, Pattern + "/{job}/cancel", CancelAsync, "Cancels a job").Produces(StatusCodes.Status204NoContent);
        v1.MapDos(HttpMethods.Get, Pattern + "/{job}/watch", JobWatch.SendAsync, "The status whenever it changes, one JSON object a line, until the job ends; an empty line each second").Produces<JobStatus>(contentType: "application/x-ndjson");
    }

    public static JobId Job(DosCall call) => new(call.RouteNumber("job"));

    private static async Task SubmitAsync(DosCall call)
    {
        var spec = await call.JsonBodyAsync(DosJson.Default.JobSpec).ConfigureAwait(false);
        var status = await call.Machine().Jobs.SubmitAsync(Specs.Complete(spec), call.Aborted).ConfigureAwait(false);
        call.Response.Headers.Location = $"{call.Request.Path}/{status.Id}";
        await call.AnswerAsync(status, DosJson.Default.JobStatus, StatusCodes.Status201Created).ConfigureAwait(false);
    }

    private static async Task ListAsync(DosCall call) =>
        await call.AnswerAsync(await call.Machine().Jobs.ListAsync(call.Text("after"), call.PageLimit(), call.Aborted).ConfigureAwait(false), DosJson.Default.PageJobStatus).ConfigureAwait(false);

    private static async Task StatusAsync(DosCall call) =>
        await call.AnswerAsync(await call.Machine().Jobs.StatusAsync(Job(call), call.Aborted).ConfigureAwait(false), DosJson.Default.JobStatus).ConfigureAwait(false);

    private static async Task CancelAsync(DosCall call)
    {
        await call.Machine().Jobs.CancelAsync(Job(call), call.Aborted).ConfigureAwait(false);
        await call.AnswerNothing().ConfigureAwait(false);
    }
}
