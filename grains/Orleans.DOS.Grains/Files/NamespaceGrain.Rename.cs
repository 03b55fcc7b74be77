using Orleans.DOS.Catalog;
using Orleans.DOS.Security;

namespace Orleans.DOS.Files;

internal sealed partial class NamespaceGrain
{
    public Task RenameAsync(CallContext context, string from, string to)
    {
        Check(context);
        var (source, target) = (DosPath.Parse(from), DosPath.Parse(to));
        return ChangeAsync(context, HashOf("rename", from, to), 3, 0, async (session, change) =>
        {
            var moved = await ResolveAsync(session, source, followLast: false);
            moved.EntryName();
            if (moved.Existing().IsDirectory)
            {
                await LockMovesAsync(session);
                // Only what is read under the lock counts: two moves, each harmless by itself, could close a cycle together.
                moved = await ResolveAsync(session, source, followLast: false);
                moved.EntryName();
            }
            var replaced = await ResolveAsync(session, target, followLast: false);
            replaced.EntryName();
            change.IsUnchanged = !await MoveAsync(session, change, moved, replaced);
            return true;
        });
    }

    /// <summary>Serialises moves of directories in this machine: while it is held, no directory changes its place above others.</summary>
    private Task<long?> LockMovesAsync(ICatalogSession session) =>
        session.QueryFirstAsync<long?>(
            $"SELECT machine_id FROM dos_machines WHERE machine_id = @machine {session.Dialect.ForUpdate}", new { machine = _machine.Value });

    /// <returns>False when both names are one file already: POSIX then does nothing.</returns>
    private async Task<bool> MoveAsync(ICatalogSession session, NamespaceChange change, Resolved from, Resolved to)
    {
        var row = from.Existing();
        var (oldParent, newParent, oldName, newName) = (from.End.Parent, to.End.Parent, from.End.Name!, to.End.Name!);
        if (to.Row?.InodeId == row.InodeId)
        {
            return false;
        }
        await CheckMoveAsync(session, row, from, to);
        var directory = row.IsDirectory;
        await TouchParentsAsync(session, change, oldParent, newParent, directory ? 1 : 0, to.Row?.IsDirectory == true ? 1 : 0);
        if (to.Row is { } lost)
        {
            session.Expect(
                1, "DELETE FROM dos_entries WHERE parent_id = @parent AND name = @name AND inode_id = @inode",
                new { parent = newParent.Value, name = newName, inode = lost.InodeId });
            await DropNameAsync(session, change, lost, to.Path);
            change.Log(session, newParent, newName, lost.Inode, ChangeKind.Removed);
        }
        session.Expect(
            1, "DELETE FROM dos_entries WHERE parent_id = @parent AND name = @name AND inode_id = @inode",
            new { parent = oldParent.Value, name = oldName, inode = row.InodeId });
        InsertEntry(session, newParent, newName, row.Inode);
        session.Expect(
            1, "UPDATE dos_inodes SET ctime = @now, version = version + 1, parent_id = @parent WHERE inode_id = @inode",
            new { now = change.Now, inode = row.InodeId, parent = directory ? newParent.Value : (long?)null });
        change.Log(session, oldParent, oldName, row.Inode, ChangeKind.MovedFrom);
        change.Log(session, newParent, newName, row.Inode, ChangeKind.MovedTo);
        return true;
    }

    private static async Task CheckMoveAsync(ICatalogSession session, InodeRow row, Resolved from, Resolved to)
    {
        if (row.IsDirectory && await session.IsAtOrAboveAsync(row.Inode, to.End.Parent))
        {
            throw new DosException(DosErrorCode.WouldCycle, $"'{from.Path}' cannot be moved under itself, to '{to.Path}'");
        }
        switch (row.IsDirectory, to.Row?.IsDirectory)
        {
            case (true, false):
                throw new DosException(DosErrorCode.NotADirectory, $"the directory '{from.Path}' cannot replace '{to.Path}', which is none");
            case (false, true):
                throw new DosException(DosErrorCode.IsADirectory, $"'{from.Path}' cannot replace the directory '{to.Path}'");
            case (false, null) when to.End.MustBeDirectory:
                throw new DosException(DosErrorCode.NotADirectory, $"'{from.Path}' is not a directory, which '{to.Path}' asks for");
        }
    }

    /// <summary>Both directories, the lower number first, so that two renames cannot wait for each other.</summary>
    private static async Task TouchParentsAsync(
        ICatalogSession session, NamespaceChange change, InodeId oldParent, InodeId newParent, int moved, int replaced)
    {
        if (oldParent == newParent)
        {
            change.Touch(session, oldParent, -replaced);
            return;
        }
        var (first, second) = oldParent.Value < newParent.Value ? (oldParent, newParent) : (newParent, oldParent);
        foreach (var parent in new[] { first, second })
        {
            change.Touch(session, parent, parent == oldParent ? -moved : moved - replaced);
        }
    }
}
