using Orleans.DOS.Catalog;

namespace Orleans.DOS.Checks;

/// <summary>Finds a path of an inode, upwards.</summary>
internal static class InodePaths
{
    /// <summary>Deeper than any path that a caller may name; where a damaged tree runs in a circle, it ends here.</summary>
    private const int NamesMax = Limits.PathBytesMax / 2;

    private sealed record Above
    {
        public long ParentId { get; init; }
        public string Name { get; init; } = "";
    }

    /// <returns>Null when no name leads from the root to it.</returns>
    public static async Task<string?> FindAsync(ICatalogSession session, long inode)
    {
        var names = new Stack<string>();
        while (names.Count < NamesMax)
        {
            if (await session.QueryFirstAsync<long?>("SELECT machine_id FROM dos_machines WHERE root_inode = @inode", new { inode }) is not null)
            {
                return "/" + string.Join('/', names);
            }
            var above = await session.QueryFirstAsync<Above>(
                "SELECT parent_id AS ParentId, name AS Name FROM dos_entries WHERE inode_id = @inode ORDER BY parent_id, name LIMIT 1", new { inode });
            if (above is null)
            {
                return null;
            }
            names.Push(above.Name);
            inode = above.ParentId;
        }
        return null;
    }
}
