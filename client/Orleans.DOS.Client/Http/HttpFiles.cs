using Orleans.DOS.Checks;
using Orleans.DOS.Files;
using Orleans.DOS.Machines;

namespace Orleans.DOS.Client.Http;

internal sealed class HttpFiles(HttpCaller caller, string root) : IFiles
{
    public Task<FileStat> StatAsync(string path, bool followLinks = true, CancellationToken cancellationToken = default) =>
        StatOf(HttpCall.Get(Of(path).Flag("stat").Flag("nofollow", !followLinks).ToString()), cancellationToken);

    public Task<Page<FileStat>> ListAsync(string path, string? after = null, int limit = Limits.PageEntriesMax, CancellationToken cancellationToken = default) =>
        caller.JsonAsync(
            HttpCall.Get(Of(path).Flag("list").Add("after", after).Add("limit", Arguments.PageLimit(limit)).ToString()), DosJson.Default.PageFileStat, cancellationToken);

    public Task<FileStat> MakeDirectoryAsync(string path, bool parents = false, int mode = 0b111_101_101, CancellationToken cancellationToken = default) =>
        StatOf(Put(Of(path).Flag("mkdir").Flag("parents", parents).Mode(mode)), cancellationToken);

    public Task RenameAsync(string from, string to, CancellationToken cancellationToken = default) =>
        caller.SendAsync(HttpCall.Post(Of(from).Add("rename", Arguments.Path(to)).ToString()), cancellationToken);

    public Task RemoveAsync(string path, bool recursive = false, CancellationToken cancellationToken = default) =>
        caller.SendAsync(HttpCall.Delete(Of(path).Flag("recursive", recursive).ToString()), cancellationToken);

    public Task<FileStat> MakeSymbolicLinkAsync(string target, string path, CancellationToken cancellationToken = default) =>
        StatOf(Put(Of(path).Add("symlink", Arguments.Path(target))), cancellationToken);

    public Task<FileStat> MakeLinkAsync(string existing, string path, CancellationToken cancellationToken = default) =>
        StatOf(Put(Of(path).Add("link", Arguments.Path(existing))), cancellationToken);

    public Task<FileStat> ChangeModeAsync(string path, int mode, CancellationToken cancellationToken = default) =>
        StatOf(HttpCall.Post(Of(path).Flag("chmod").Mode(mode).ToString()), cancellationToken);

    public async Task<IFileHandle> OpenAsync(string path, FileOpenOptions? options = null, CancellationToken cancellationToken = default)
    {
        if (options is null)
        {
            var found = await StatAsync(path, true, cancellationToken).ConfigureAwait(false);
            return found.Kind == InodeKind.Directory
                ? throw new DosException(DosErrorCode.IsADirectory, $"'{path}' is a directory")
                : Attach(found.Inode, found.VirtualPath);
        }
        var target = With(Of(path).Flag("open").Flag("create", options.Create).Flag("exclusive", options.Exclusive).Flag("truncate", options.Truncate), options);
        var stat = await StatOf(HttpCall.Post(target.ToString()), cancellationToken).ConfigureAwait(false);
        return new HttpFileHandle(caller, root, stat.Inode, stat.VirtualPath, options.Durable, unflushed: options.Truncate);
    }

    public IFileHandle Attach(InodeId inode, string? virtualPath = null) => new HttpFileHandle(caller, root, inode, virtualPath, durable: false, unflushed: false);

    public Task<FileStat> PutSmallAsync(string path, ReadOnlyMemory<byte> content, FileOpenOptions? options = null, CancellationToken cancellationToken = default)
    {
        Arguments.BytesMax(content.Length, Limits.InlineBytesMax, "the content of a small file");
        var put = options ?? new FileOpenOptions { Create = true, Truncate = true };
        var target = With(Of(path).Add("create", put.Create ? "true" : "false").Flag("exclusive", put.Exclusive), put);
        return StatOf(HttpCall.Put(target.ToString(), content), cancellationToken);
    }

    public Task<CheckStep> CheckAsync(CheckOptions options, string? after = null, CancellationToken cancellationToken = default)
    {
        var target = new HttpQuery(root + "/check").Flag("deep", options.Deep).Add("after", after).ToString();
        return caller.JsonAsync(options.Mend ? HttpCall.Post(target) : HttpCall.Get(target), DosJson.Default.CheckStep, cancellationToken);
    }

    private HttpQuery Of(string path) => new(root + "/files" + HttpQuery.FilePath(path));

    private static HttpQuery With(HttpQuery query, FileOpenOptions options)
    {
        query.Mode(options.Mode).Flag("durable", options.Durable);
        return options.Replicas == 0 ? query : query.Add("replicas", options.Replicas);
    }

    private static HttpCall Put(HttpQuery query) => HttpCall.Put(query.ToString(), default);

    private Task<FileStat> StatOf(HttpCall call, CancellationToken cancellationToken) => caller.JsonAsync(call, DosJson.Default.FileStat, cancellationToken);
}
