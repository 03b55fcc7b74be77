using System.Runtime.CompilerServices;

namespace Orleans.DOS.Files;

/// <summary>Files as <see cref="Stream"/>, whole and in pages; made of nothing but <see cref="IFiles"/>.</summary>
public static class FileStreams
{
    private static readonly FileOpenOptions Replace = new() { Create = true, Truncate = true };
    private static readonly FileOpenOptions Extend = new() { Create = true };

    /// <summary>Opens a file for reading in order, with reads ahead in bounded memory.</summary>
    public static async Task<FileReadStream> OpenReadAsync(this IFiles files, string path, CancellationToken cancellationToken = default)
    {
        ArgumentNullException.ThrowIfNull(files);
        var handle = await files.OpenAsync(path, null, cancellationToken).ConfigureAwait(false);
        return new FileReadStream(handle, await handle.StatAsync(cancellationToken).ConfigureAwait(false));
    }

    /// <summary>Opens a file for writing from its begin; null options make it if it is missing and throw away what is in it.</summary>
    public static async Task<FileWriteStream> OpenWriteAsync(this IFiles files, string path, FileOpenOptions? options = null, CancellationToken cancellationToken = default)
    {
        ArgumentNullException.ThrowIfNull(files);
        return new FileWriteStream(await files.OpenAsync(path, options ?? Replace, cancellationToken).ConfigureAwait(false));
    }

    /// <summary>Opens a file for appending, and makes it if it is missing. Each frame is appended as one; frames of several writers may alternate.</summary>
    public static async Task<FileWriteStream> OpenAppendAsync(this IFiles files, string path, FileOpenOptions? options = null, CancellationToken cancellationToken = default)
    {
        ArgumentNullException.ThrowIfNull(files);
        return new FileWriteStream(await files.OpenAsync(path, options ?? Extend, cancellationToken).ConfigureAwait(false), append: true);
    }

    /// <summary>The whole content. For files that are known to be small: it is all held in memory.</summary>
    public static async Task<byte[]> ReadAllBytesAsync(this IFiles files, string path, CancellationToken cancellationToken = default)
    {
        ArgumentNullException.ThrowIfNull(files);
        var stream = await files.OpenReadAsync(path, cancellationToken).ConfigureAwait(false);
        await using (stream.ConfigureAwait(false))
        {
            using var content = new MemoryStream();
            await stream.CopyToAsync(content, Limits.FramePayloadBytesMax, cancellationToken).ConfigureAwait(false);
            return content.ToArray();
        }
    }

    /// <summary>Makes or replaces a file: in one commit if the content is small, otherwise as a stream that is on disk when this returns.</summary>
    public static async Task WriteAllBytesAsync(this IFiles files, string path, ReadOnlyMemory<byte> content, FileOpenOptions? options = null, CancellationToken cancellationToken = default)
    {
        ArgumentNullException.ThrowIfNull(files);
        if (content.Length <= Limits.InlineBytesMax)
        {
            await files.PutSmallAsync(path, content, options ?? Replace, cancellationToken).ConfigureAwait(false);
            return;
        }
        var stream = await files.OpenWriteAsync(path, options, cancellationToken).ConfigureAwait(false);
        await using (stream.ConfigureAwait(false))
        {
            await stream.WriteAsync(content, cancellationToken).ConfigureAwait(false);
        }
    }

    /// <summary>All entries of a directory, page by page, in byte order of the names.</summary>
    public static async IAsyncEnumerable<FileStat> EnumerateAsync(this IFiles files, string path, [EnumeratorCancellation] CancellationToken cancellationToken = default)
    {
        ArgumentNullException.ThrowIfNull(files);
        string? after = null;
        do
        {
            var page = await files.ListAsync(path, after, Limits.PageEntriesMax, cancellationToken).ConfigureAwait(false);
            foreach (var entry in page.Items)
            {
                yield return entry;
            }
            after = page.Next;
        }
        while (after is not null);
    }
}
