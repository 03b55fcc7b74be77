using Microsoft.AspNetCore.Builder;
using Microsoft.AspNetCore.Http;
using Microsoft.AspNetCore.Routing;
using Orleans.DOS.Files;
using Orleans.DOS.Machines;

namespace Orleans.DOS.Http;

/// <summary>Open files: <c>/v1/machines/{machine}/inodes/{inode}</c>. A handle is the inode's number; <c>?virtual=</c> names what is no inode.</summary>
internal static class InodeEndpoints
{
    private const string Pattern = "/machines/{machine}/inodes/{inode}";

    public static void Map(IEndpointRouteBuilder v1)
    {
        v1.MapDos(HttpMethods.Get, Pattern, ReadAsync, "At most ?count= bytes from ?position=; empty at the end").Produces<byte[]>(contentType: "application/octet-stream");
        v1.MapDos(HttpMethods.Put, Pattern, WriteAsync, "Writes the body at ?position= as one").Produces(StatusCodes.Status204NoContent);
        v1.MapDos(HttpMethods.Post, Pattern + "/append", AppendAsync, "Appends the body as one, and says where it begins").Produces<AppendAnswer>();
        v1.MapDos(HttpMethods.Post, Pattern + "/truncate", TruncateAsync, "Cuts or extends to ?size=").Produces(StatusCodes.Status204NoContent);
        v1.MapDos(HttpMethods.Post, Pattern + "/flush", FlushAsync, "Returns when all that was acknowledged is on disk").Produces(StatusCodes.Status204NoContent);
        v1.MapDos(HttpMethods.Get, Pattern + "/stat", StatAsync, "What is known of the file").Produces<FileStat>();
        v1.MapDos(HttpMethods.Get, Pattern + "/locate", LocateAsync, "Where the bytes lie").Produces<FileLocation[]>();
    }

    private static IFileHandle HandleOf(DosCall call) => call.Machine().Files.Attach(new InodeId(call.RouteNumber("inode")), call.Text("virtual"));

    private static async Task ReadAsync(DosCall call)
    {
        var count = (int)Math.Min(call.Number("count", Limits.FramePayloadBytesMax), Limits.ReadBytesMax);
        var data = await HandleOf(call).ReadAsync(call.Number("position"), count, call.Aborted).ConfigureAwait(false);
        call.Response.ContentType = "application/octet-stream";
        call.Response.ContentLength = data.Length;
        await call.Response.Body.WriteAsync(data, call.Aborted).ConfigureAwait(false);
    }

    private static async Task WriteAsync(DosCall call)
    {
        var (handle, position) = (HandleOf(call), call.Number("position"));
        await handle.WriteAsync(position, await call.BodyAsync(Limits.FramePayloadBytesMax).ConfigureAwait(false), call.Aborted).ConfigureAwait(false);
        await FinishAsync(call, handle).ConfigureAwait(false);
        await call.AnswerNothing().ConfigureAwait(false);
    }

    private static async Task AppendAsync(DosCall call)
    {
        var handle = HandleOf(call);
        var position = await handle.AppendAsync(await call.BodyAsync(Limits.FramePayloadBytesMax).ConfigureAwait(false), call.Aborted).ConfigureAwait(false);
        await FinishAsync(call, handle).ConfigureAwait(false);
        await call.AnswerAsync(new AppendAnswer(position), DosJson.Default.AppendAnswer).ConfigureAwait(false);
    }

    private static async Task TruncateAsync(DosCall call)
    {
        await HandleOf(call).TruncateAsync(call.Number("size"), call.Aborted).ConfigureAwait(false);
        await call.AnswerNothing().ConfigureAwait(false);
    }

    private static async Task FlushAsync(DosCall call)
    {
        await HandleOf(call).FlushAsync(call.Aborted).ConfigureAwait(false);
        await call.AnswerNothing().ConfigureAwait(false);
    }

    private static async Task StatAsync(DosCall call) => await call.AnswerAsync(await HandleOf(call).StatAsync(call.Aborted).ConfigureAwait(false)).ConfigureAwait(false);

    private static async Task LocateAsync(DosCall call) =>
        await call.AnswerAsync(await HandleOf(call).LocateAsync(call.Aborted).ConfigureAwait(false), DosJson.Default.IReadOnlyListFileLocation).ConfigureAwait(false);

    // The handle's own durability is not known here (it is the client's), so a durable write is one with a flush behind it.
    private static Task FinishAsync(DosCall call, IFileHandle handle) => call.Flag("durable") ? handle.FlushAsync(call.Aborted) : Task.CompletedTask;
}
