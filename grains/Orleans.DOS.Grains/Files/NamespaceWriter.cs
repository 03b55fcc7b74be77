using Orleans.DOS.Catalog;
using Orleans.DOS.Security;

namespace Orleans.DOS.Files;

/// <summary>A small file to be made if its name is free.</summary>
/// <param name="Root">Of its machine.</param>
/// <param name="VirtualRoots">First names below which nothing is an inode.</param>
/// <param name="ChangeId">Of its row of dos_changes.</param>
internal sealed record NewFile(
    CallContext Context, long Hash, InodeId Root, IReadOnlySet<string> VirtualRoots, DosPath Directory, string Name, InodeRow Row, byte[] Content, long ChangeId);

/// <summary>
/// The node's writer of new small files: all that wait share one commit, and those of one directory one walk to it and one change of
/// its row, for which transactions of their own would queue up, a commit each. The entry decides: it is made if the directory is there
/// and the name still free, and everything else of that file only if its entry is.
/// </summary>
public sealed class NamespaceWriter(ICatalog catalog) : IAsyncDisposable
{
    private const string EntryIsOurs = "WHERE EXISTS (SELECT 1 FROM dos_entries o WHERE o.parent_id = @parent AND o.name = @name AND o.inode_id = @InodeId)";

    private readonly GroupCommit<NewFile, bool> _commits = new(catalog, WriteAsync);

    /// <returns>False when the name is taken or there is no such directory: nothing was done.</returns>
    /// <exception cref="ChangedMeanwhileException">The request was carried out before, as something else: nothing was done.</exception>
    internal Task<bool> MakeAsync(NewFile file) => _commits.CommitAsync(file);

    public ValueTask DisposeAsync() => _commits.DisposeAsync();

    private static async Task<IReadOnlyList<bool>> WriteAsync(ICatalogSession session, IReadOnlyList<NewFile> files)
    {
        var parents = await ParentsAsync(session, files);
        // Their rows are locked in one order everywhere, so that two nodes' writers never wait for each other.
        foreach (var directory in Enumerable.Range(0, files.Count).Where(index => parents[index] is not null)
            .GroupBy(index => parents[index]!.Value).OrderBy(directory => directory.Key.Value))
        {
            session.Queue(
                "UPDATE dos_inodes SET mtime = @now, ctime = @now, version = version + @count WHERE inode_id = @directory AND kind = 2",
                new { now = directory.Max(index => files[index].Row.Ctime), count = directory.LongCount(), directory = directory.Key.Value });
        }
        var made = new bool[files.Count];
        for (var index = 0; index < files.Count; index++)
        {
            if (parents[index] is { } parent)
            {
                Queue(session, files[index], parent.Value, made, index);
            }
        }
        return made;
    }

    /// <returns>Of each file the directory that it is to be made in; null when there is none, or the name is taken in it.</returns>
    private static async Task<InodeId?[]> ParentsAsync(ICatalogSession session, IReadOnlyList<NewFile> files)
    {
        var parents = new InodeId?[files.Count];
        foreach (var directory in Enumerable.Range(0, files.Count).GroupBy(index => (files[index].Root, files[index].Directory.Text)))
        {
            if (await DirectoryAsync(session, files[directory.First()]) is not { } parent)
            {
                continue;
            }
            var taken = await session.TakenNamesAsync(parent, [.. directory.Select(index => files[index].Name)]);
            foreach (var index in directory)
            {
                var (root, virtualRoots, name) = (files[index].Root, files[index].VirtualRoots, files[index].Name);
                parents[index] = taken.Contains(name) || (parent == root && virtualRoots.Contains(name)) ? null : parent;
            }
        }
        return parents;
    }

    private static async Task<InodeId?> DirectoryAsync(ICatalogSession session, NewFile file)
    {
        try
        {
            var found = await session.ResolveAsync(file.Root, file.Directory, followLast: true, file.VirtualRoots);
            return found.IsVirtual || found.End.Node is not { Kind: InodeKind.Directory } node ? null : node.Inode;
        }
        catch (DosException)
        {
            // A walk that cannot be gone (a file in its middle, links without end) is told by the transaction that makes one file alone.
            return null;
        }
    }

    private static void Queue(ICatalogSession session, NewFile file, long parent, bool[] made, int index)
    {
        var (row, context, name) = (file.Row, file.Context, file.Name);
        // What does not follow its entry undoes the transaction, whose other files are then made without this one.
        Exception? Follow(int rows) => rows > 0 == made[index] ? null : new ChangedMeanwhileException();
        session.Queue(
            "INSERT INTO dos_entries(parent_id, name, inode_id) SELECT @parent, @name, @InodeId "
            + "WHERE EXISTS (SELECT 1 FROM dos_inodes d WHERE d.inode_id = @parent AND d.kind = 2) ON CONFLICT DO NOTHING",
            new { parent, name, row.InodeId },
            rows =>
            {
                made[index] = rows > 0;
                return null;
            });
        session.Queue(
            "INSERT INTO dos_requests(machine_id, sender, number, hash, answer, expires_at) SELECT @machine, @sender, @number, @Hash, @answer, @expires "
            + EntryIsOurs + " ON CONFLICT DO NOTHING",
            new
            {
                machine = context.Machine.Value, sender = context.Request.Sender, number = context.Request.Number, file.Hash,
                answer = RequestTable.Encode(row.ToStat(name)), expires = row.Ctime + (long)Limits.RequestRetention.TotalMicroseconds, parent, name, row.InodeId,
            },
            Follow);
        session.Queue(
            "INSERT INTO dos_inodes(inode_id, machine_id, kind, mode, uid, gid, nlink, size, atime, mtime, ctime, btime, replicas, content, writer, version) "
            + "SELECT @InodeId, @MachineId, @Kind, @Mode, @Uid, @Gid, @Nlink, @Size, @Ctime, @Ctime, @Ctime, @Ctime, @Replicas, @Content, @writer, 1 " + EntryIsOurs,
            new
            {
                row.InodeId, row.MachineId, row.Kind, row.Mode, row.Uid, row.Gid, row.Nlink, row.Size, row.Ctime, row.Replicas, file.Content,
                writer = context.Principal.Name, parent, name,
            },
            Follow);
        session.Queue(
            "INSERT INTO dos_changes(change_id, machine_id, parent_id, name, inode_id, kind, at) SELECT @ChangeId, @MachineId, @parent, @name, @InodeId, @kind, @Ctime "
            + EntryIsOurs,
            new { file.ChangeId, row.MachineId, parent, name, row.InodeId, kind = (long)ChangeKind.Made, row.Ctime },
            Follow);
    }
}
