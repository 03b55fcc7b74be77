using Orleans.DOS.Files;

namespace Orleans.DOS.Cli.Files;

/// <summary>Streams content in pieces, so that memory does not grow with the file.</summary>
internal static class Content
{
    public static async Task ReadAsync(IFiles files, string path, Stream target, CancellationToken cancellation)
    {
        await using var handle = await files.OpenAsync(path, null, cancellation);
        for (long position = 0; ;)
        {
            var piece = await handle.ReadAsync(position, Limits.FramePayloadBytesMax, cancellation);
            if (piece.IsEmpty)
            {
                break;
            }
            await target.WriteAsync(piece, cancellation);
            position += piece.Length;
        }
        await target.FlushAsync(cancellation);
    }

    /// <param name="replicas">0: the cluster's default.</param>
    /// <param name="stored">Told how many bytes each piece had.</param>
    public static async Task<long> WriteAsync(IFiles files, string path, Stream source, int replicas, Action<int>? stored, CancellationToken cancellation)
    {
        await using var handle = await files.OpenAsync(path, new FileOpenOptions { Create = true, Truncate = true, Replicas = replicas }, cancellation);
        var buffer = new byte[Limits.FramePayloadBytesMax];
        long position = 0;
        while (await source.ReadAtLeastAsync(buffer, buffer.Length, throwOnEndOfStream: false, cancellation) is > 0 and var count)
        {
            await handle.WriteAsync(position, buffer.AsMemory(0, count), cancellation);
            position += count;
            stored?.Invoke(count);
        }
        await handle.FlushAsync(cancellation);
        return position;
    }
}
