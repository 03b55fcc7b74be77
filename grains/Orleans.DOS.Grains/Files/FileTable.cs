using Orleans.DOS.Catalog;
using Orleans.DOS.Nodes;
using Orleans.DOS.Segments;

namespace Orleans.DOS.Files;

/// <summary>What an owner reads of its file when it begins (tables dos_inodes, dos_extents).</summary>
internal sealed record StoredFile(ContentRow Row, IReadOnlyList<Extent> Extents);

/// <summary>The part of an inode's row that belongs to the owner of its content.</summary>
internal sealed class ContentRow
{
    public long Size { get; set; }
    public long Mtime { get; set; }
    public long Version { get; set; }
    public long Replicas { get; set; }
    public long OpenEpoch { get; set; }
    public byte[]? Content { get; set; }
    public long? CheckpointSegment { get; set; }
    public long? CheckpointOffset { get; set; }
    public byte[]? Recent { get; set; }
}

/// <summary>What an owner writes to the row.</summary>
/// <param name="Content">Null once segments hold it.</param>
/// <param name="Checkpoint">Frames up to here are in the extents.</param>
/// <param name="Recent">See <see cref="RequestWindow.Encode"/>.</param>
/// <param name="Writes">Acknowledged since the row was written.</param>
internal sealed record ContentUpdate(
    long Size, long ModifiedAt, byte[]? Content, (SegmentId Segment, long Offset)? Checkpoint, byte[] Recent, long Writes, string? Writer, bool Closes);

/// <summary>Every transaction of a file's owner; each is conditional on its epoch.</summary>
internal sealed class FileTable(ICatalog catalog, IObjectLogs logs, MachineId machine, InodeId inode)
{
    private ObjectId Target => ObjectId.File(inode);

    /// <summary>The row as anybody may read it; null when there is no such file in this machine.</summary>
    public async Task<InodeRow?> FindAsync()
    {
        var row = await catalog.ReadAsync(session => session.FindInodeAsync(inode));
        return row is { IsFile: true } && row.MachineId == machine.Value ? row : null;
    }

    /// <summary>Marks the file as open under an epoch, so that everybody asks its owner, and reads what is stored.</summary>
    /// <exception cref="DosException">Stale; NoSuchPath.</exception>
    public Task<StoredFile> BeginAsync(long epoch) => catalog.WriteAsync(async session =>
    {
        await session.RequireEpochAsync(Target, epoch);
        var row = await session.QueryFirstAsync<ContentRow>(
            "SELECT size AS Size, mtime AS Mtime, version AS Version, replicas AS Replicas, open_epoch AS OpenEpoch, content AS Content, checkpoint_segment AS CheckpointSegment, "
            + $"checkpoint_offset AS CheckpointOffset, recent AS Recent FROM dos_inodes WHERE inode_id = @inode AND machine_id = @machine AND kind = 1 {session.Dialect.ForUpdate}",
            new { inode = inode.Value, machine = machine.Value }) ?? throw Gone();
        await session.ExecuteAsync("UPDATE dos_inodes SET open_epoch = @epoch WHERE inode_id = @inode", new { epoch, inode = inode.Value });
        return new StoredFile(row, await ExtentsAsync(session));
    });

    /// <summary>Removes the owner row of a file that is no more, if it is still the one of this epoch.</summary>
    public Task DisownAsync(long epoch) => catalog.WriteAsync(session => session.ExecuteAsync(
        "DELETE FROM dos_owners WHERE object = @target AND epoch = @epoch", new { target = Target.ToString(), epoch }));

    /// <summary>Writes row and extents in one commit and releases the segments that nothing names any more.</summary>
    /// <returns>The row's version, which others raise, too (they change its metadata).</returns>
    /// <exception cref="DosException">Stale; NoSuchPath: the file was removed.</exception>
    public Task<long> SaveAsync(long epoch, ContentUpdate update, IReadOnlyList<long> delete, IReadOnlyList<Extent> put) => catalog.WriteAsync(async session =>
    {
        await session.RequireEpochAsync(Target, epoch);
        var version = await session.QueryFirstAsync<long?>(
            "UPDATE dos_inodes SET size = @size, mtime = @at, ctime = @at, content = @content, checkpoint_segment = @segment, checkpoint_offset = @offset, "
            + "recent = @recent, version = version + @writes, writer = COALESCE(@writer, writer), open_epoch = @open WHERE inode_id = @inode RETURNING version",
            new
            {
                size = update.Size, at = update.ModifiedAt, content = update.Content, segment = update.Checkpoint?.Segment.Value, offset = update.Checkpoint?.Offset,
                recent = update.Recent, writes = update.Writes, writer = update.Writer, open = update.Closes ? 0L : epoch, inode = inode.Value,
            }) ?? throw Gone();
        await PutExtentsAsync(session, delete, put);
        await ReleaseUnnamedAsync(session, update);
        if (update.Closes)
        {
            await Ownership.ResignAsync(session, Target, epoch);
        }
        return version;
    });

    /// <summary>Where the file's bytes lie, from rows: extents of one segment and its good replicas, in order.</summary>
    public Task<IReadOnlyList<(Extent Extent, IReadOnlyList<NodeId> Nodes)>> PlacesAsync() => catalog.ReadAsync(async session =>
    {
        var extents = await ExtentsAsync(session);
        var replicas = await session.QueryAsync<ReplicaRow>(
            "SELECT segment_id AS SegmentId, node_id AS NodeId FROM dos_segment_replicas WHERE state = 1 "
            + "AND segment_id IN (SELECT segment_id FROM dos_extents WHERE inode_id = @inode) ORDER BY node_id", new { inode = inode.Value });
        var nodes = replicas.ToLookup(replica => replica.SegmentId, replica => new NodeId(replica.NodeId));
        return (IReadOnlyList<(Extent, IReadOnlyList<NodeId>)>)extents.Select(extent => (extent, (IReadOnlyList<NodeId>)nodes[extent.Segment.Value].ToArray())).ToArray();
    });

    private async Task<IReadOnlyList<Extent>> ExtentsAsync(ICatalogSession session)
    {
        var rows = await session.QueryAsync<ExtentRow>(
            "SELECT position AS Position, length AS Length, segment_id AS SegmentId, segment_offset AS SegmentOffset, frame_payload AS FramePayload, "
            + "payload_skip AS PayloadSkip FROM dos_extents WHERE inode_id = @inode ORDER BY position", new { inode = inode.Value });
        return rows.Select(row => new Extent(
            row.Position, row.Length, new SegmentId(row.SegmentId), row.SegmentOffset, (int)row.FramePayload, (int)row.PayloadSkip)).ToArray();
    }

    private async Task PutExtentsAsync(ICatalogSession session, IReadOnlyList<long> delete, IReadOnlyList<Extent> put)
    {
        foreach (var position in delete)
        {
            await session.ExecuteAsync("DELETE FROM dos_extents WHERE inode_id = @inode AND position = @position", new { inode = inode.Value, position });
        }
        foreach (var extent in put)
        {
            await session.ExecuteAsync(
                "INSERT INTO dos_extents(inode_id, position, length, segment_id, segment_offset, frame_payload, payload_skip) "
                + "VALUES (@inode, @position, @length, @segment, @offset, @payload, @skip) ON CONFLICT (inode_id, position) DO UPDATE SET length = excluded.length, "
                + "segment_id = excluded.segment_id, segment_offset = excluded.segment_offset, frame_payload = excluded.frame_payload, payload_skip = excluded.payload_skip",
                new
                {
                    inode = inode.Value, position = extent.Position, length = extent.Length, segment = extent.Segment.Value, offset = extent.SegmentOffset,
                    payload = (long)extent.FramePayload, skip = (long)extent.PayloadSkip,
                });
        }
    }

    /// <summary>
    /// Sealed segments without an extent, of those that come before the checkpoint's: a newer one may hold frames that no extent names
    /// yet, and the checkpoint's own must stay, because replay begins there. Segments of one object are in the order of their epoch and
    /// then of their number (numbers alone are not: each node draws them from a block of its own).
    /// </summary>
    private async Task ReleaseUnnamedAsync(ICatalogSession session, ContentUpdate update)
    {
        if (update.Checkpoint is not { } checkpoint)
        {
            return;
        }
        var unnamed = await session.QueryAsync<long>(
            "SELECT s.segment_id FROM dos_segments s JOIN dos_segments c ON c.segment_id = @checkpoint WHERE s.object = @target AND s.state = 2 "
            + "AND (s.epoch < c.epoch OR (s.epoch = c.epoch AND s.segment_id < c.segment_id)) "
            + "AND NOT EXISTS (SELECT 1 FROM dos_extents e WHERE e.segment_id = s.segment_id)",
            new { target = Target.ToString(), checkpoint = checkpoint.Segment.Value });
        if (unnamed.Count > 0)
        {
            await logs.ReleaseAsync(session, unnamed.Select(segment => new SegmentId(segment)).ToArray());
        }
    }

    public DosException Gone() => new(DosErrorCode.NoSuchPath, $"there is no file with inode {inode}");

    private sealed class ExtentRow
    {
        public long Position { get; set; }
        public long Length { get; set; }
        public long SegmentId { get; set; }
        public long SegmentOffset { get; set; }
        public long FramePayload { get; set; }
        public long PayloadSkip { get; set; }
    }

    private sealed class ReplicaRow
    {
        public long SegmentId { get; set; }
        public string NodeId { get; set; } = "";
    }
}
