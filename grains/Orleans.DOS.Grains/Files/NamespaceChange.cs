using Orleans.DOS.Catalog;
using Orleans.DOS.Security;

namespace Orleans.DOS.Files;

/// <summary>What a row of dos_changes tells. Stored: never renumber.</summary>
internal enum ChangeKind : short
{
    Made = 1,
    Removed = 2,
    MovedFrom = 3,
    MovedTo = 4,
    Mode = 5,
    Content = 6,
}

/// <summary>
/// Something that a transaction read was changed by another one before it wrote. The transaction is rolled back and runs again; it
/// never leaves the grain. (Reads do not lock, so that walks of the same directories do not wait for each other.)
/// </summary>
internal sealed class ChangedMeanwhileException : Exception;

/// <summary>One change of the tree: the instant, and numbers that must be drawn before the transaction begins.</summary>
internal sealed class NamespaceChange(CallContext context, long now, IReadOnlyList<long> changeIds, IReadOnlyList<long> inodeIds)
{
    private int _changesUsed;
    private int _inodesUsed;

    public CallContext Context => context;

    /// <summary>Microseconds (see <see cref="CatalogTime"/>).</summary>
    public long Now => now;

    /// <summary>Nothing was changed: nothing needs to be recorded.</summary>
    public bool IsUnchanged { get; set; }

    public InodeId NewInode() => new(inodeIds[_inodesUsed++]);

    /// <summary>The transaction begins again.</summary>
    public void Restart()
    {
        _changesUsed = 0;
        _inodesUsed = 0;
        IsUnchanged = false;
    }

    /// <summary>Tells watchers. Its transaction number is the row's default.</summary>
    public void Log(ICatalogSession session, InodeId parent, string name, InodeId inode, ChangeKind kind) =>
        session.Queue(
            "INSERT INTO dos_changes(change_id, machine_id, parent_id, name, inode_id, kind, at) VALUES (@id, @machine, @parent, @name, @inode, @kind, @now)",
            new { id = changeIds[_changesUsed++], machine = context.Machine.Value, parent = parent.Value, name, inode = inode.Value, kind = (long)kind, now });

    /// <summary>
    /// Marks a directory as changed. It also locks its row, so that nobody removes the directory while an entry is made in it: who
    /// removes it locks the row first and looks for entries then.
    /// </summary>
    /// <param name="links">What to add to its link count.</param>
    /// <exception cref="ChangedMeanwhileException">The directory is gone.</exception>
    public void Touch(ICatalogSession session, InodeId directory, int links = 0) =>
        session.Expect(
            1,
            "UPDATE dos_inodes SET mtime = @now, ctime = @now, version = version + 1, nlink = nlink + @links WHERE inode_id = @directory AND kind = 2",
            new { now, links = (long)links, directory = directory.Value });
}

internal static class Expectation
{
    /// <summary>Queues a statement that must change exactly so many rows.</summary>
    /// <exception cref="ChangedMeanwhileException">It did not; thrown before the commit at the latest.</exception>
    public static void Expect(this ICatalogSession session, int rows, string sql, object parameters) =>
        session.Queue(sql, parameters, changed => changed == rows ? null : new ChangedMeanwhileException());
}
