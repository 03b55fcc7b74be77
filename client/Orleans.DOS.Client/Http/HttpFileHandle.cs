using Orleans.DOS.Files;
using Orleans.DOS.Machines;

namespace Orleans.DOS.Client.Http;

internal sealed class HttpFileHandle(HttpCaller caller, string root, InodeId inode, string? virtualPath, bool durable, bool unflushed) : IFileHandle
{
    private volatile bool _unflushed = unflushed;

    public InodeId Inode => inode;

    public Task<FileStat> StatAsync(CancellationToken cancellationToken = default) =>
        caller.JsonAsync(HttpCall.Get(Of("/stat").ToString()), DosJson.Default.FileStat, cancellationToken);

    public Task<ReadOnlyMemory<byte>> ReadAsync(long position, int count, CancellationToken cancellationToken = default)
    {
        var target = Of("").Add("position", Arguments.Position(position)).Add("count", Math.Min(Arguments.Count(count), Limits.ReadBytesMax));
        return caller.SendAsync(
            HttpCall.Get(target.ToString()),
            static (response, token) => response.Content.Headers.ContentType?.MediaType == HttpCall.Bytes
                && response.Content.Headers.ContentLength is null or (>= 0 and <= Limits.ReadBytesMax)
                ? BytesAsync(response.Content, token)
                : throw HttpFailures.NoNode(response),
            cancellationToken);
    }

    public Task WriteAsync(long position, ReadOnlyMemory<byte> data, CancellationToken cancellationToken = default)
    {
        var target = Changing("").Add("position", Arguments.Position(position)).Flag("durable", durable);
        return caller.SendAsync(HttpCall.Put(target.ToString(), Frame(data)), cancellationToken);
    }

    public async Task<long> AppendAsync(ReadOnlyMemory<byte> data, CancellationToken cancellationToken = default)
    {
        var call = HttpCall.Post(Changing("/append").Flag("durable", durable).ToString()) with { Body = Frame(data) };
        return (await caller.JsonAsync(call, DosJson.Default.AppendAnswer, cancellationToken).ConfigureAwait(false)).Position;
    }

    public Task TruncateAsync(long size, CancellationToken cancellationToken = default)
    {
        _unflushed = true;
        return caller.SendAsync(HttpCall.Post(Changing("/truncate").Add("size", Arguments.Position(size)).ToString()), cancellationToken);
    }

    public async Task FlushAsync(CancellationToken cancellationToken = default)
    {
        _unflushed = false;
        try
        {
            await caller.SendAsync(HttpCall.Post(Changing("/flush").ToString()), cancellationToken).ConfigureAwait(false);
        }
        catch
        {
            _unflushed = true;
            throw;
        }
    }

    public Task<IReadOnlyList<FileLocation>> LocateAsync(CancellationToken cancellationToken = default) =>
        caller.JsonAsync(HttpCall.Get(Of("/locate").ToString()), DosJson.Default.IReadOnlyListFileLocation, cancellationToken);

    public async ValueTask DisposeAsync()
    {
        if (_unflushed)
        {
            await FlushAsync().ConfigureAwait(false);
        }
    }

    /// <summary>Straight into the array that the caller gets: HttpContent's own way grows a buffer first and copies it then.</summary>
    private static async Task<ReadOnlyMemory<byte>> BytesAsync(HttpContent content, CancellationToken cancellationToken)
    {
        if (content.Headers.ContentLength is not { } length)
        {
            // A proxy on the way has taken the length off.
            return await content.ReadAsByteArrayAsync(cancellationToken).ConfigureAwait(false);
        }
        var bytes = GC.AllocateUninitializedArray<byte>((int)length);
        var body = await content.ReadAsStreamAsync(cancellationToken).ConfigureAwait(false);
        await using (body.ConfigureAwait(false))
        {
            await body.ReadExactlyAsync(bytes, cancellationToken).ConfigureAwait(false);
        }
        return bytes;
    }

    private HttpQuery Of(string verb) => new HttpQuery($"{root}/inodes/{inode}{verb}").Add("virtual", virtualPath);

    private HttpQuery Changing(string verb) => virtualPath is null
        ? Of(verb)
        : throw new DosException(DosErrorCode.ReadOnlyPath, $"'{virtualPath}' is shown by the machine and is read only");

    private ReadOnlyMemory<byte> Frame(ReadOnlyMemory<byte> data)
    {
        Arguments.BytesMax(data.Length, Limits.FramePayloadBytesMax, "one write");
        _unflushed |= !durable;
        return data;
    }
}
