using Orleans.DOS.Catalog;
using Orleans.DOS.Files;

namespace Orleans.DOS.Checks;

/// <summary>The catalog's tree: each name leads from a directory to something, and each inode has the names that it counts.</summary>
internal sealed class NameCheck(ICatalog catalog, TimeProvider time)
{
    /// <summary>Here goes what has no name.</summary>
    public const string LostAndFound = "/lost+found";

    private const int RowsMax = 512;

    private sealed record EntryRow
    {
        public long ParentId { get; init; }
        public string Name { get; init; } = "";
        public long InodeId { get; init; }
        public long HasParent { get; init; }
        public long HasInode { get; init; }
    }

    private sealed record InodeRow
    {
        public long InodeId { get; init; }
        public long Kind { get; init; }
        public long Nlink { get; init; }
        public long Size { get; init; }
        public long? ParentId { get; init; }
        public long Names { get; init; }
        public long? NamedIn { get; init; }
        public long IsRoot { get; init; }

        public bool IsDirectory => Kind == (long)InodeKind.Directory;
    }

    public async Task<CheckCursor?> EntriesAsync(CheckRun run, CheckCursor at)
    {
        var rows = await catalog.ReadAsync(session => session.QueryAsync<EntryRow>(
            "SELECT e.parent_id AS ParentId, e.name AS Name, e.inode_id AS InodeId, CASE WHEN p.inode_id IS NULL THEN 0 ELSE 1 END AS HasParent, "
            + "CASE WHEN i.inode_id IS NULL THEN 0 ELSE 1 END AS HasInode FROM dos_entries e LEFT JOIN dos_inodes i ON i.inode_id = e.inode_id "
            + "LEFT JOIN dos_inodes p ON p.inode_id = e.parent_id AND p.kind = 2 WHERE (e.parent_id, e.name) > (@parent, @name) "
            + "ORDER BY e.parent_id, e.name LIMIT @rowsMax", new { parent = at.First, name = at.Text, rowsMax = RowsMax }));
        run.Count(names: rows.Count);
        foreach (var row in rows.Where(row => row.HasParent == 0 || row.HasInode == 0))
        {
            await TellNameAsync(run, row);
        }
        return rows.Count == RowsMax ? at with { First = rows[^1].ParentId, Text = rows[^1].Name } : null;
    }

    public async Task<CheckCursor?> InodesAsync(CheckRun run, CheckCursor at, Func<Task<InodeId>> lostAndFound)
    {
        var rows = await catalog.ReadAsync(session => session.QueryAsync<InodeRow>(
            "SELECT i.inode_id AS InodeId, i.kind AS Kind, i.nlink AS Nlink, i.size AS Size, i.parent_id AS ParentId, "
            + "(SELECT count(*) FROM dos_entries e WHERE e.inode_id = i.inode_id) AS Names, "
            + "(SELECT min(e.parent_id) FROM dos_entries e WHERE e.inode_id = i.inode_id) AS NamedIn, "
            + "(SELECT count(*) FROM dos_machines m WHERE m.root_inode = i.inode_id) AS IsRoot "
            + "FROM dos_inodes i WHERE i.inode_id > @after ORDER BY i.inode_id LIMIT @rowsMax", new { after = at.First, rowsMax = RowsMax }));
        run.Count(inodes: rows.Count);
        foreach (var row in rows.Where(row => row.IsRoot == 0))
        {
            if (row.Names == 0)
            {
                await TellNamelessAsync(run, row, lostAndFound);
            }
            else if (row.IsDirectory ? row.Names > 1 || row.NamedIn != row.ParentId : row.Names != row.Nlink)
            {
                await TellLinksAsync(run, row);
            }
        }
        return rows.Count == RowsMax ? at with { First = rows[^1].InodeId } : null;
    }

    /// <summary>A name of nothing loses nothing when it goes; what a name in no directory leads to is found again as nameless.</summary>
    private async Task TellNameAsync(CheckRun run, EntryRow row)
    {
        var mend = await run.MendAsync(async session =>
        {
            var gone = await session.ExecuteAsync(
                "DELETE FROM dos_entries WHERE parent_id = @parent AND name = @name AND inode_id = @inode AND (NOT EXISTS (SELECT 1 FROM dos_inodes i WHERE i.inode_id = @inode) "
                + "OR NOT EXISTS (SELECT 1 FROM dos_inodes p WHERE p.inode_id = @parent AND p.kind = 2))", new { parent = row.ParentId, name = row.Name, inode = row.InodeId });
            await session.ExecuteAsync("UPDATE dos_inodes SET version = version + 1 WHERE inode_id = @parent", new { parent = row.ParentId });
            return gone;
        });
        var directory = await catalog.ReadAsync(session => InodePaths.FindAsync(session, row.ParentId));
        run.Add(new Finding
        {
            Kind = FindingKind.Name, Mend = mend, Path = directory is null ? null : directory.TrimEnd('/') + "/" + row.Name,
            Text = row.HasParent == 0
                ? $"the name '{row.Name}' of inode {row.InodeId} is in the directory with inode {row.ParentId}, which is not there{Done(mend, "; it is taken away")}"
                : $"the name leads to inode {row.InodeId}, which is not there{Done(mend, "; it is taken away")}",
        });
    }

    private async Task TellNamelessAsync(CheckRun run, InodeRow row, Func<Task<InodeId>> lostAndFound)
    {
        var (mend, name) = (MendState.None, $"inode-{row.InodeId}");
        if (run.IsMending)
        {
            var into = await lostAndFound();
            var (now, change) = (CatalogTime.From(time.GetUtcNow()), await catalog.NextIdAsync("change"));
            mend = await run.MendAsync(async session =>
            {
                // Under the row's lock, which whoever names or removes it takes too.
                var named = await session.ExecuteAsync(
                    "UPDATE dos_inodes SET nlink = CASE WHEN kind = 2 THEN nlink ELSE 1 END, parent_id = CASE WHEN kind = 2 THEN @into ELSE parent_id END, "
                    + "ctime = @now, version = version + 1 WHERE inode_id = @inode AND NOT EXISTS (SELECT 1 FROM dos_entries e WHERE e.inode_id = @inode)",
                    new { into = into.Value, inode = row.InodeId, now });
                if (named == 0)
                {
                    return 0;
                }
                await session.ExecuteAsync(
                    "UPDATE dos_inodes SET mtime = @now, ctime = @now, version = version + 1, nlink = nlink + @links WHERE inode_id = @into",
                    new { into = into.Value, now, links = row.IsDirectory ? 1L : 0L });
                await session.ExecuteAsync(
                    "INSERT INTO dos_changes(change_id, machine_id, parent_id, name, inode_id, kind, at) SELECT @change, machine_id, @into, @name, @inode, 1, @now "
                    + "FROM dos_inodes WHERE inode_id = @inode", new { change, into = into.Value, name, inode = row.InodeId, now });
                return await session.ExecuteAsync(
                    "INSERT INTO dos_entries(parent_id, name, inode_id) VALUES (@into, @name, @inode)", new { into = into.Value, name, inode = row.InodeId });
            });
        }
        run.Add(new Finding
        {
            Kind = FindingKind.NoName, Mend = mend, Bytes = row.Size, Path = mend == MendState.Done ? $"{LostAndFound}/{name}" : null,
            Text = $"no name leads to the {Noun(row)} with inode {row.InodeId}{Done(mend, "; it has one now")}",
        });
    }

    private async Task TellLinksAsync(CheckRun run, InodeRow row)
    {
        var mend = row switch
        {
            { IsDirectory: true, Names: > 1 } => run.IsMending ? MendState.NotPossible : MendState.None,
            { IsDirectory: true } => await run.MendAsync(session => session.ExecuteAsync(
                "UPDATE dos_inodes SET parent_id = (SELECT e.parent_id FROM dos_entries e WHERE e.inode_id = @inode), version = version + 1 "
                + "WHERE inode_id = @inode AND (SELECT count(*) FROM dos_entries e WHERE e.inode_id = @inode) = 1", new { inode = row.InodeId })),
            _ => await run.MendAsync(session => session.ExecuteAsync(
                "UPDATE dos_inodes SET nlink = (SELECT count(*) FROM dos_entries e WHERE e.inode_id = @inode), version = version + 1 "
                + "WHERE inode_id = @inode AND EXISTS (SELECT 1 FROM dos_entries e WHERE e.inode_id = @inode)", new { inode = row.InodeId })),
        };
        run.Add(new Finding
        {
            Kind = FindingKind.Links, Mend = mend, Path = await catalog.ReadAsync(session => InodePaths.FindAsync(session, row.InodeId)),
            Text = row switch
            {
                { IsDirectory: true, Names: > 1 } => $"the directory with inode {row.InodeId} has {row.Names} names: all but one are to be removed",
                { IsDirectory: true } => $"the directory with inode {row.InodeId} does not know where it lies{Done(mend, "; it does now")}",
                _ => $"inode {row.InodeId} counts {row.Nlink} names and has {row.Names}{Done(mend, "; it counts right now")}",
            },
        });
    }

    private static string Noun(InodeRow row) => row.Kind switch
    {
        (long)InodeKind.Directory => "directory",
        (long)InodeKind.SymbolicLink => "symbolic link",
        _ => "file",
    };

    private static string Done(MendState mend, string text) => mend == MendState.Done ? text : "";
}
