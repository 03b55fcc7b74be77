using Microsoft.AspNetCore.Builder;
using Microsoft.AspNetCore.Http;
using Microsoft.AspNetCore.Routing;
using Orleans.DOS.Files;
using Orleans.DOS.Machines;

namespace Orleans.DOS.Http;

/// <summary>Paths: <c>/v1/machines/{machine}/files/{path}</c>. The query says what is wanted beside the content.</summary>
internal static class FileEndpoints
{
    private const string Pattern = "/machines/{machine}/files/{**path}";

    public static void Map(IEndpointRouteBuilder v1)
    {
        v1.MapDos(HttpMethods.Get, Pattern, GetAsync, "Content (with Range), or ?stat[&nofollow], ?list&after=&limit=, ?locate")
            .Produces<FileStat>().ProducesProblem(StatusCodes.Status416RangeNotSatisfiable);
        v1.MapDos(HttpMethods.Head, Pattern, GetAsync, "Size and version of the content");
        v1.MapDos(HttpMethods.Put, Pattern, PutAsync, "Makes or replaces a file by the body, or ?mkdir[&parents], ?symlink=TARGET, ?link=EXISTING; ?mode=, ?replicas=, ?durable, ?exclusive, ?create=false. If-None-Match: * makes it only if there is none; If-Match: ETAG replaces that version, as it is before the body is stored")
            .Produces<FileStat>().ProducesProblem(StatusCodes.Status412PreconditionFailed);
        v1.MapDos(HttpMethods.Delete, Pattern, DeleteAsync, "Removes a path, with ?recursive all that is under it").Produces(StatusCodes.Status204NoContent);
        v1.MapDos(HttpMethods.Post, Pattern, PostAsync, "?rename=TO, ?chmod&mode=, or ?open[&create][&exclusive][&truncate]").Produces<FileStat>();
    }

    // Routing knows more spellings of the route than this one: other letters, escapes, detours by "..". In those it would have changed the path too.
    private static string PathOf(DosCall call) => call.Http.Features.Get<RawFilePath>()?.Decode()
        ?? throw new DosException(DosErrorCode.NoSuchPath, "files are under /v1/machines/{machine}/files, spelled so");

    private static async Task GetAsync(DosCall call)
    {
        var (files, path) = (call.Machine().Files, PathOf(call));
        if (call.Flag("stat"))
        {
            await call.AnswerAsync(await files.StatAsync(path, !call.Flag("nofollow"), call.Aborted).ConfigureAwait(false)).ConfigureAwait(false);
        }
        else if (call.Flag("list"))
        {
            var page = await files.ListAsync(path, call.Text("after"), call.PageLimit(), call.Aborted).ConfigureAwait(false);
            await call.AnswerAsync(page, DosJson.Default.PageFileStat).ConfigureAwait(false);
        }
        else if (call.Flag("locate"))
        {
            var handle = await files.OpenAsync(path, null, call.Aborted).ConfigureAwait(false);
            await call.AnswerAsync(await handle.LocateAsync(call.Aborted).ConfigureAwait(false), DosJson.Default.IReadOnlyListFileLocation).ConfigureAwait(false);
        }
        else
        {
            await FileContent.SendAsync(call, files, path).ConfigureAwait(false);
        }
    }

    private static async Task PutAsync(DosCall call)
    {
        var (files, path) = (call.Machine().Files, PathOf(call));
        if (call.Flag("mkdir"))
        {
            await call.AnswerAsync(await files.MakeDirectoryAsync(path, call.Flag("parents"), call.Mode(0b111_101_101), call.Aborted).ConfigureAwait(false), StatusCodes.Status201Created).ConfigureAwait(false);
        }
        else if (call.Text("symlink") is { } target)
        {
            await call.AnswerAsync(await files.MakeSymbolicLinkAsync(target, path, call.Aborted).ConfigureAwait(false), StatusCodes.Status201Created).ConfigureAwait(false);
        }
        else if (call.Text("link") is { } existing)
        {
            await call.AnswerAsync(await files.MakeLinkAsync(existing, path, call.Aborted).ConfigureAwait(false), StatusCodes.Status201Created).ConfigureAwait(false);
        }
        else
        {
            await FileContent.ReceiveAsync(call, files, path).ConfigureAwait(false);
        }
    }

    private static async Task DeleteAsync(DosCall call)
    {
        await call.Machine().Files.RemoveAsync(PathOf(call), call.Flag("recursive"), call.Aborted).ConfigureAwait(false);
        await call.AnswerNothing().ConfigureAwait(false);
    }

    private static async Task PostAsync(DosCall call)
    {
        var (files, path) = (call.Machine().Files, PathOf(call));
        if (call.Text("rename") is { } to)
        {
            await files.RenameAsync(path, to, call.Aborted).ConfigureAwait(false);
            await call.AnswerNothing().ConfigureAwait(false);
        }
        else if (call.Flag("chmod"))
        {
            var mode = call.Has("mode") ? call.Mode(0) : throw DosCall.Invalid("'mode' is missing");
            await call.AnswerAsync(await files.ChangeModeAsync(path, mode, call.Aborted).ConfigureAwait(false)).ConfigureAwait(false);
        }
        else if (call.Flag("open"))
        {
            // The handle is the client's from here on: it is not closed, since that would flush what the client has not written yet.
            var handle = await files.OpenAsync(path, call.OpenOptions(call.Flag("create"), call.Flag("truncate")), call.Aborted).ConfigureAwait(false);
            await call.AnswerAsync(await handle.StatAsync(call.Aborted).ConfigureAwait(false)).ConfigureAwait(false);
        }
        else
        {
            throw DosCall.Invalid("one of 'rename', 'chmod' and 'open' is needed");
        }
    }
}
