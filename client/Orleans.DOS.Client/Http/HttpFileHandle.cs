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
        var target = Of("").Add("position", Arguments.Position(position)).Add("count", Math.Min(Arguments.Count(count), Limits.FramePayloadBytesMax));
        return caller.SendAsync(
            HttpCall.Get(target.ToString()),
            static async (response, token) => response.Content.Headers.ContentType?.MediaType == HttpCall.Bytes
                ? new ReadOnlyMemory<byte>(await response.Content.ReadAsByteArrayAsync(token).ConfigureAwait(false))
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
