using System.Globalization;
using Microsoft.AspNetCore.Builder;
using Microsoft.AspNetCore.Http;
using Microsoft.AspNetCore.Routing;
using Orleans.DOS.Machines;
using Orleans.DOS.Processes;

namespace Orleans.DOS.Http;

/// <summary>The process table: <c>/v1/machines/{machine}/processes</c>.</summary>
internal static class ProcessEndpoints
{
    private const string Pattern = "/machines/{machine}/processes";

    public static void Map(IEndpointRouteBuilder v1)
    {
        v1.MapDos(HttpMethods.Post, Pattern, SpawnAsync, "Starts a program").AcceptsJson<ProcessSpec>().Produces<ProcessStatus>(StatusCodes.Status201Created);
        v1.MapDos(HttpMethods.Get, Pattern, ListAsync, "The table, newest first; ?all, ?after=, ?limit=").Produces<Page<ProcessStatus>>();
        v1.MapDos(HttpMethods.Get, Pattern + "/{pid}", StatusAsync, "One process").Produces<ProcessStatus>();
        v1.MapDos(HttpMethods.Post, Pattern + "/{pid}/wait", WaitAsync, "Long poll: the status when it ends, or what it is after 3 s").Produces<ProcessStatus>();
        v1.MapDos(HttpMethods.Post, Pattern + "/{pid}/signal", SignalAsync, "?signal= a number or TERM, KILL, INT, STOP, CONT").Produces(StatusCodes.Status204NoContent);
        v1.MapDos(HttpMethods.Put, Pattern + "/{pid}/stdin", WriteInputAsync, "Writes the body to standard input at ?position=; 202: not all taken yet, repeat").Produces(StatusCodes.Status204NoContent).Produces(StatusCodes.Status202Accepted);
        v1.MapDos(HttpMethods.Delete, Pattern + "/{pid}/stdin", CloseInputAsync, "Closes standard input").Produces(StatusCodes.Status204NoContent);
        v1.MapDos(HttpMethods.Get, Pattern + "/{pid}/stdout", call => ReadOutputAsync(call, OutputStream.StandardOutput), "Captured output from ?position=; ?wait, ?follow, ?incarnation=").Produces<byte[]>(contentType: "application/octet-stream");
        v1.MapDos(HttpMethods.Get, Pattern + "/{pid}/stderr", call => ReadOutputAsync(call, OutputStream.StandardError), "Captured error output from ?position=; ?wait, ?follow, ?incarnation=").Produces<byte[]>(contentType: "application/octet-stream");
    }

    private static ProcessId Pid(DosCall call) => new(call.RouteNumber("pid"));

    private static async Task SpawnAsync(DosCall call)
    {
        var spec = await call.JsonBodyAsync(DosJson.Default.ProcessSpec).ConfigureAwait(false);
        var status = await call.Machine().Processes.SpawnAsync(Specs.Complete(spec), call.Aborted).ConfigureAwait(false);
        call.Response.Headers.Location = $"{call.Request.Path}/{status.Pid}";
        await call.AnswerAsync(status, DosJson.Default.ProcessStatus, StatusCodes.Status201Created).ConfigureAwait(false);
    }

    private static async Task ListAsync(DosCall call)
    {
        var page = await call.Machine().Processes.ListAsync(call.Flag("all"), call.Text("after"), call.PageLimit(), call.Aborted).ConfigureAwait(false);
        await call.AnswerAsync(page, DosJson.Default.PageProcessStatus).ConfigureAwait(false);
    }

    private static async Task StatusAsync(DosCall call) =>
        await call.AnswerAsync(await call.Machine().Processes.StatusAsync(Pid(call), call.Aborted).ConfigureAwait(false), DosJson.Default.ProcessStatus).ConfigureAwait(false);

    private static async Task WaitAsync(DosCall call)
    {
        var processes = call.Machine().Processes;
        using var poll = LongPoll(call);
        ProcessStatus status;
        try
        {
            status = await processes.WaitAsync(Pid(call), poll.Token).ConfigureAwait(false);
        }
        catch (OperationCanceledException) when (!call.Aborted.IsCancellationRequested)
        {
            status = await processes.StatusAsync(Pid(call), call.Aborted).ConfigureAwait(false);
        }
        await call.AnswerAsync(status, DosJson.Default.ProcessStatus).ConfigureAwait(false);
    }

    private static async Task SignalAsync(DosCall call)
    {
        await call.Machine().Processes.SignalAsync(Pid(call), Signals.Parse(call.Text("signal")), call.Aborted).ConfigureAwait(false);
        await call.AnswerNothing().ConfigureAwait(false);
    }

    private static async Task WriteInputAsync(DosCall call)
    {
        var position = call.Number("position");
        var body = await call.BodyAsync(Limits.StandardInputBufferBytesMax).ConfigureAwait(false);
        using var poll = LongPoll(call);
        try
        {
            await call.Machine().Processes.WriteInputAsync(Pid(call), position, body, poll.Token).ConfigureAwait(false);
            await call.AnswerNothing().ConfigureAwait(false);
        }
        catch (OperationCanceledException) when (!call.Aborted.IsCancellationRequested)
        {
            call.Response.StatusCode = StatusCodes.Status202Accepted;
        }
    }

    private static async Task CloseInputAsync(DosCall call)
    {
        await call.Machine().Processes.CloseInputAsync(Pid(call), call.Aborted).ConfigureAwait(false);
        await call.AnswerNothing().ConfigureAwait(false);
    }

    private static async Task ReadOutputAsync(DosCall call, OutputStream stream)
    {
        var (processes, position) = (call.Machine().Processes, call.Number("position", 0));
        if (call.Flag("follow"))
        {
            await OutputFollower.SendAsync(call, processes, Pid(call), stream, position).ConfigureAwait(false);
            return;
        }
        var chunk = await processes.ReadOutputAsync(Pid(call), stream, position, call.Flag("wait"), call.Number("incarnation", 0), call.Waiting).ConfigureAwait(false);
        call.Response.ContentType = "application/octet-stream";
        call.Response.ContentLength = chunk.Data.Length;
        call.Response.Headers["Output-Position"] = chunk.Position.ToString(CultureInfo.InvariantCulture);
        call.Response.Headers["Output-Incarnation"] = chunk.Incarnation.ToString(CultureInfo.InvariantCulture);
        call.Response.Headers["Output-End"] = chunk.End ? "true" : "false";
        await call.Response.Body.WriteAsync(chunk.Data, call.Aborted).ConfigureAwait(false);
    }

    private static CancellationTokenSource LongPoll(DosCall call)
    {
        var poll = CancellationTokenSource.CreateLinkedTokenSource(call.Waiting);
        poll.CancelAfter(Limits.LongPollMax);
        return poll;
    }
}
