using System.Globalization;
using System.Text;
using Orleans.DOS.Catalog;

namespace Orleans.DOS.Files;

/// <summary>Reading names and inodes (tables dos_entries, dos_inodes).</summary>
internal static class InodeTable
{
    // One statement's text, so that it is prepared once: fewer names fill it up. No IN: a planner without statistics would read the whole
    // directory and then compare.
    private const int TakenTogether = 8;
    private static readonly string Taken = string.Join(
        " UNION ALL ", Enumerable.Range(0, TakenTogether).Select(number => $"SELECT name FROM dos_entries WHERE parent_id = @parent AND name = @n{number}"));

    /// <summary>Walks a path inside one transaction or snapshot; one statement unless links or <c>..</c> are in its middle.</summary>
    public static async Task<Resolved> ResolveAsync(this ICatalogSession session, InodeId root, DosPath path, bool followLast, IReadOnlySet<string> virtualRoots)
    {
        var walk = new PathWalk(root, path, followLast, virtualRoots);
        Dictionary<InodeId, InodeRow> seen = [];
        while (walk.End is null)
        {
            var rows = await session.RunAsync(walk.Parent, walk.Names);
            foreach (var row in rows)
            {
                seen[row.Inode] = row;
            }
            walk.Feed(rows.Select(row => row.ToNode()).ToArray());
        }
        var end = walk.End;
        var found = end.Node is not { } node ? null
            : seen.TryGetValue(node.Inode, out var known) ? known
            : await session.FindInodeAsync(node.Inode);
        return new Resolved(DosPath.Shown(path.Text), end, found);
    }

    public static Task<InodeRow?> FindInodeAsync(this ICatalogSession session, InodeId inode) =>
        session.QueryFirstAsync<InodeRow>($"SELECT {InodeRow.Columns} FROM dos_inodes i WHERE i.inode_id = @inode", new { inode = inode.Value });

    /// <summary>Locks the row until the transaction ends.</summary>
    public static Task<InodeRow?> LockInodeAsync(this ICatalogSession session, InodeId inode) =>
        session.QueryFirstAsync<InodeRow>(
            $"SELECT {InodeRow.Columns} FROM dos_inodes i WHERE i.inode_id = @inode {session.Dialect.ForUpdate}", new { inode = inode.Value });

    /// <summary>Entries behind a name, in byte order.</summary>
    public static Task<IReadOnlyList<InodeRow>> EntriesAsync(this ICatalogSession session, InodeId directory, string? after, int limit) =>
        session.QueryAsync<InodeRow>(
            $"SELECT e.name AS Name, {InodeRow.Columns} FROM dos_entries e JOIN dos_inodes i ON i.inode_id = e.inode_id "
            + $"WHERE e.parent_id = @parent AND e.name > @after ORDER BY {session.Dialect.Bytewise("e.name")} LIMIT @limit",
            new { parent = directory.Value, after = after ?? "", limit });

    /// <returns>Those of the names that the directory has.</returns>
    public static async Task<IReadOnlySet<string>> TakenNamesAsync(this ICatalogSession session, InodeId directory, IReadOnlyList<string> names)
    {
        HashSet<string> taken = [];
        foreach (var some in names.Chunk(TakenTogether))
        {
            string Name(int index) => some[Math.Min(index, some.Length - 1)];
            taken.UnionWith(await session.QueryAsync<string>(
                Taken,
                new { parent = directory.Value, n0 = Name(0), n1 = Name(1), n2 = Name(2), n3 = Name(3), n4 = Name(4), n5 = Name(5), n6 = Name(6), n7 = Name(7) }));
        }
        return taken;
    }

    public static async Task<bool> HasEntriesAsync(this ICatalogSession session, InodeId directory) =>
        await session.QueryFirstAsync<long?>("SELECT inode_id FROM dos_entries WHERE parent_id = @parent LIMIT 1", new { parent = directory.Value }) is not null;

    /// <summary>Whether a directory is another one or lies above it. Only meaningful under the machine's move lock.</summary>
    public static async Task<bool> IsAtOrAboveAsync(this ICatalogSession session, InodeId upper, InodeId lower) =>
        await session.QueryFirstAsync<long?>(
            "WITH RECURSIVE up(inode_id, parent_id) AS (SELECT inode_id, parent_id FROM dos_inodes WHERE inode_id = @lower UNION "
            + "SELECT i.inode_id, i.parent_id FROM up JOIN dos_inodes i ON i.inode_id = up.parent_id) SELECT inode_id FROM up WHERE inode_id = @upper",
            new { upper = upper.Value, lower = lower.Value }) is not null;

    /// <summary>
    /// The nodes of a run of names, each in what the one before names: as many as exist. The name of a depth is an expression and no
    /// joined table, so that the key (parent, name) is the only way: a planner without statistics would read whole directories.
    /// </summary>
    private static Task<IReadOnlyList<InodeRow>> RunAsync(this ICatalogSession session, InodeId parent, IReadOnlyList<string> names)
    {
        Dictionary<string, object> parameters = new() { ["parent"] = parent.Value, ["n0"] = names[0] };
        var next = new StringBuilder();
        for (var depth = 1; depth < names.Count; depth++)
        {
            var name = string.Create(CultureInfo.InvariantCulture, $"n{depth}");
            parameters[name] = names[depth];
            next.Append(CultureInfo.InvariantCulture, $" WHEN {depth - 1} THEN @{name}");
        }
        var further = names.Count == 1 ? "" : "UNION ALL SELECT w.depth + 1, e.inode_id, e.name FROM walk w "
            + $"JOIN dos_entries e ON e.parent_id = w.inode_id AND e.name = CASE w.depth{next} END";
        var sql = "WITH RECURSIVE walk(depth, inode_id, name) AS ("
            + $"SELECT 0, e.inode_id, e.name FROM dos_entries e WHERE e.parent_id = @parent AND e.name = @n0 {further}) "
            + $"SELECT w.name AS Name, {InodeRow.Columns} FROM walk w JOIN dos_inodes i ON i.inode_id = w.inode_id ORDER BY w.depth";
        return session.QueryAsync<InodeRow>(sql, parameters);
    }
}
