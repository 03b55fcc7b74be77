using Orleans.DOS.Security;

namespace Orleans.DOS.Files;

/// <summary>
/// Shows something that is no inode as read-only paths under one name of the root directory: <c>/nodes</c>, <c>/proc</c>. Registered
/// as a singleton; the walk hands over everything behind the root, lexically normalised.
/// </summary>
public interface IPathProvider
{
    /// <summary>The first name of its paths, e.g. <c>nodes</c>. A real entry of that name is hidden.</summary>
    string Root { get; }

    /// <param name="names">What follows the root; empty for the root itself.</param>
    /// <exception cref="DosException">NoSuchPath, NotADirectory.</exception>
    Task<FileStat> StatAsync(CallContext context, IReadOnlyList<string> names);

    /// <summary>One page in byte order of the names.</summary>
    /// <param name="after">The last name of the page before, or null.</param>
    /// <param name="limit">1 to <see cref="Limits.PageEntriesMax"/>.</param>
    /// <exception cref="DosException">NoSuchPath, NotADirectory.</exception>
    Task<Page<FileStat>> ListAsync(CallContext context, IReadOnlyList<string> names, string? after, int limit);

    /// <summary>At most <paramref name="count"/> bytes from <paramref name="position"/>; empty at the end.</summary>
    /// <exception cref="DosException">NoSuchPath, IsADirectory.</exception>
    Task<byte[]> ReadAsync(CallContext context, IReadOnlyList<string> names, long position, int count);
}
