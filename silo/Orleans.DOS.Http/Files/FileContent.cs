using System.Globalization;
using Microsoft.AspNetCore.Http;
using Microsoft.Net.Http.Headers;
using Orleans.DOS.Files;

namespace Orleans.DOS.Http;

/// <summary>Content in and out, in the memory of the stream windows whatever the file's size.</summary>
internal static class FileContent
{
    /// <summary>So often a small file is read until it was the same before and after.</summary>
    private const int SmallReadsMax = 20;

    // A door serves many clients: none waits for what another has in flight, and each slow one keeps one MiB of the node's memory.
    private static readonly TransferWindow OfEach = new(Limits.FramesInFlightMax, 0);

    public static async Task SendAsync(DosCall call, IFiles files, string path)
    {
        var (stat, small) = await FindAsync(call, files, path).ConfigureAwait(false);
        var response = call.Response;
        response.ContentType = "application/octet-stream";
        response.Headers.ETag = FileTag.Of(stat);
        response.Headers.LastModified = stat.Modified.ToString("R", CultureInfo.InvariantCulture);
        var known = stat.VirtualPath is null;
        if (known)
        {
            response.Headers.AcceptRanges = "bytes";
        }
        if (known && call.Request.Headers.IfNoneMatch == response.Headers.ETag)
        {
            response.StatusCode = StatusCodes.Status304NotModified;
            return;
        }
        if (!TryRange(call.Request, stat, known, out var first, out var length))
        {
            await ProblemAnswer.WriteAsync(
                call.Http, new DosError(DosErrorCode.InvalidArgument, $"the range is not within the {stat.Size} bytes of '{path}'"),
                StatusCodes.Status416RangeNotSatisfiable, headers => headers.ContentRange = $"bytes */{stat.Size}").ConfigureAwait(false);
            return;
        }
        if (known)
        {
            response.ContentLength = length;
        }
        if (known && length != stat.Size)
        {
            response.StatusCode = StatusCodes.Status206PartialContent;
            response.Headers.ContentRange = string.Create(CultureInfo.InvariantCulture, $"bytes {first}-{first + length - 1}/{stat.Size}");
        }
        if (HttpMethods.IsHead(call.Request.Method))
        {
            return;
        }
        if (small is { } content)
        {
            await call.Response.Body.WriteAsync(content.Slice((int)first, (int)length), call.Aborted).ConfigureAwait(false);
        }
        else if (!known || length > 0)
        {
            await CopyAsync(call, files, stat, first, known ? length : long.MaxValue).ConfigureAwait(false);
        }
    }

    /// <summary>
    /// The file and, of a small one, which others replace as a whole, its content of that same version: size, tag and bytes of one moment.
    /// </summary>
    private static async Task<(FileStat Stat, ReadOnlyMemory<byte>? Content)> FindAsync(DosCall call, IFiles files, string path)
    {
        var stat = await files.StatAsync(path, true, call.Aborted).ConfigureAwait(false);
        for (var attempt = 1; ; attempt++)
        {
            if (stat.Kind == InodeKind.Directory)
            {
                throw new DosException(DosErrorCode.IsADirectory, $"'{path}' is a directory");
            }
            if (stat.VirtualPath is not null || stat.Size > Limits.InlineBytesMax || HttpMethods.IsHead(call.Request.Method))
            {
                return (stat, null);
            }
            ReadOnlyMemory<byte> content;
            var handle = files.Attach(stat.Inode);
            await using (handle.ConfigureAwait(false))
            {
                content = await handle.ReadAsync(0, Limits.InlineBytesMax + 1, call.Aborted).ConfigureAwait(false);
            }
            var now = await files.StatAsync(path, true, call.Aborted).ConfigureAwait(false);
            if ((now.Inode, now.Version, now.Size) == (stat.Inode, stat.Version, content.Length))
            {
                return (stat, content);
            }
            if (attempt == SmallReadsMax)
            {
                throw new DosException(new DosError(DosErrorCode.Unavailable, $"'{path}' changes all the time", TimeSpan.FromMilliseconds(50)));
            }
            stat = now;
        }
    }

    public static async Task ReceiveAsync(DosCall call, IFiles files, string path)
    {
        var conditions = PutConditions.Of(call);
        if (!await conditions.HoldAsync(call, files, path).ConfigureAwait(false))
        {
            await PutConditions.RefuseAsync(call, path).ConfigureAwait(false);
            return;
        }
        call.AllowLongBody();
        var create = !call.Has("create") || call.Flag("create");
        var options = call.OpenOptions(create, truncate: true);
        try
        {
            await StoreAsync(call, files, path, conditions.MustBeNew ? options with { Create = true, Exclusive = true } : options).ConfigureAwait(false);
        }
        catch (DosException failure) when (failure.Code == DosErrorCode.PathExists && conditions.MustBeNew)
        {
            await PutConditions.RefuseAsync(call, path).ConfigureAwait(false);
        }
    }

    private static async Task StoreAsync(DosCall call, IFiles files, string path, FileOpenOptions options)
    {
        var head = new byte[Limits.InlineBytesMax + 1];
        var filled = await call.Request.Body.ReadAtLeastAsync(head, head.Length, throwOnEndOfStream: false, call.Aborted).ConfigureAwait(false);
        if (filled <= Limits.InlineBytesMax)
        {
            await call.AnswerAsync(await files.PutSmallAsync(path, head.AsMemory(0, filled), options, call.Aborted).ConfigureAwait(false)).ConfigureAwait(false);
            return;
        }
        var handle = await files.OpenAsync(path, options, call.Aborted).ConfigureAwait(false);
        var stream = new FileWriteStream(handle, window: OfEach);
        await using (stream.ConfigureAwait(false))
        {
            await stream.WriteAsync(head, call.Aborted).ConfigureAwait(false);
            await call.Request.Body.CopyToAsync(stream, Limits.FramePayloadBytesMax, call.Aborted).ConfigureAwait(false);
            await stream.FlushAsync(call.Aborted).ConfigureAwait(false);
        }
        await call.AnswerAsync(await files.StatAsync(path, true, call.Aborted).ConfigureAwait(false)).ConfigureAwait(false);
    }

    private static async Task CopyAsync(DosCall call, IFiles files, FileStat stat, long first, long length)
    {
        var stream = new FileReadStream(files.Attach(stat.Inode, stat.VirtualPath), stat, OfEach);
        await using (stream.ConfigureAwait(false))
        {
            if (first > 0)
            {
                stream.Seek(first, SeekOrigin.Begin);
            }
            var buffer = new byte[64 * 1024];
            while (length > 0)
            {
                var count = await stream.ReadAsync(buffer.AsMemory(0, (int)Math.Min(buffer.Length, length)), call.Aborted).ConfigureAwait(false);
                if (count == 0)
                {
                    break;
                }
                await call.Response.Body.WriteAsync(buffer.AsMemory(0, count), call.Aborted).ConfigureAwait(false);
                length -= count;
            }
        }
    }

    /// <summary>One range is served; several, and units other than bytes, are passed over as RFC 9110 allows.</summary>
    private static bool TryRange(HttpRequest request, FileStat stat, bool known, out long first, out long length)
    {
        (first, length) = (0, stat.Size);
        var condition = request.Headers.IfRange.ToString();
        if (!known || request.Headers.Range.Count != 1 || (condition.Length > 0 && condition != FileTag.Of(stat))
            || !RangeHeaderValue.TryParse(request.Headers.Range.ToString(), out var header) || header.Unit != "bytes" || header.Ranges.Count != 1)
        {
            return true;
        }
        var range = header.Ranges.First();
        var from = range.From ?? Math.Max(0, stat.Size - range.To.GetValueOrDefault());
        var to = range.From is null ? stat.Size - 1 : Math.Min(range.To ?? long.MaxValue, stat.Size - 1);
        (first, length) = (from, to - from + 1);
        return from < stat.Size && length > 0;
    }
}
