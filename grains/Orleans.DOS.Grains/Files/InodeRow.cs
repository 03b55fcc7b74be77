using Orleans.DOS.Catalog;

namespace Orleans.DOS.Files;

/// <summary>The stored form of an inode (table dos_inodes), without its content.</summary>
internal sealed class InodeRow
{
    /// <summary>The select list that fills this row from <c>dos_inodes i</c>.</summary>
    public const string Columns =
        "i.inode_id AS InodeId, i.machine_id AS MachineId, i.kind AS Kind, i.mode AS Mode, i.uid AS Uid, i.gid AS Gid, i.nlink AS Nlink, "
        + "i.size AS Size, i.atime AS Atime, i.mtime AS Mtime, i.ctime AS Ctime, i.replicas AS Replicas, i.target AS Target, "
        + "i.parent_id AS ParentId, i.version AS Version, i.open_epoch AS OpenEpoch, CASE WHEN i.content IS NULL THEN 0 ELSE 1 END AS IsInline, "
        + "CASE WHEN i.recent IS NULL AND i.checkpoint_segment IS NULL THEN 0 ELSE 1 END AS HadOwner";

    public long InodeId { get; set; }
    public long MachineId { get; set; }
    public long Kind { get; set; }
    public long Mode { get; set; }
    public long Uid { get; set; }
    public long Gid { get; set; }
    public long Nlink { get; set; }
    public long Size { get; set; }
    public long Atime { get; set; }
    public long Mtime { get; set; }
    public long Ctime { get; set; }
    public long Replicas { get; set; }
    public string? Target { get; set; }
    public long? ParentId { get; set; }
    public long Version { get; set; }
    /// <summary>Not 0: an owner may know newer content.</summary>
    public long OpenEpoch { get; set; }
    /// <summary>1 when the content is in the row.</summary>
    public long IsInline { get; set; }
    /// <summary>1 when an owner has written the row: it may have left segments, although the content is small now, and has left its own row.</summary>
    public long HadOwner { get; set; }
    /// <summary>Of the entry by which it was found; "" when found by its number.</summary>
    public string Name { get; set; } = "";

    public InodeId Inode => new(InodeId);
    public InodeKind InodeKind => (InodeKind)Kind;
    public bool IsDirectory => InodeKind == InodeKind.Directory;
    public bool IsFile => InodeKind == InodeKind.File;

    public WalkNode ToNode() => new(Inode, InodeKind, Target);

    public FileStat ToStat(string name) => new()
    {
        Inode = Inode,
        Name = name,
        Kind = InodeKind,
        Size = Size,
        Mode = (int)Mode,
        UserId = (int)Uid,
        GroupId = (int)Gid,
        Links = (int)Nlink,
        Accessed = CatalogTime.To(Atime),
        Modified = CatalogTime.To(Mtime),
        Changed = CatalogTime.To(Ctime),
        Replicas = (int)Replicas,
        Target = Target,
        Version = Version,
    };
}

/// <summary>Where a path led: the walk's end with the row of what is there.</summary>
internal sealed record Resolved(string Path, WalkEnd End, InodeRow? Row)
{
    public bool IsVirtual => End.Virtual.Count > 0;

    /// <exception cref="DosException">NoSuchPath.</exception>
    public InodeRow Existing() => Row ?? throw Missing();

    /// <summary>The name under which an entry can be made or taken away.</summary>
    /// <exception cref="DosException">ReadOnlyPath, InvalidPath (the root or '..'), NoSuchPath (the directory is missing).</exception>
    public string EntryName()
    {
        CheckWritable();
        if (End.Behind.Count > 0)
        {
            throw Missing();
        }
        return End.Name ?? throw new DosException(DosErrorCode.InvalidPath, $"'{Path}' does not end in a name");
    }

    /// <exception cref="DosException">ReadOnlyPath.</exception>
    public void CheckWritable()
    {
        if (IsVirtual)
        {
            throw new DosException(DosErrorCode.ReadOnlyPath, $"'{Path}' shows the system's state and cannot be changed");
        }
    }

    public DosException Missing() => new(DosErrorCode.NoSuchPath, $"there is no '{Path}'");
}
