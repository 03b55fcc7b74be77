using Orleans.DOS.Catalog;
using Xunit;
using static Orleans.DOS.Files.FilesCluster;

namespace Orleans.DOS.Files;

public sealed class SqliteFileRemovalTests(SqliteFiles cluster) : FileRemovalTests(cluster), IClassFixture<SqliteFiles>;

public sealed class PostgresFileRemovalTests(PostgresFiles cluster) : FileRemovalTests(cluster), IClassFixture<PostgresFiles>;

/// <summary>What a file leaves behind when its last name goes: nothing.</summary>
public abstract class FileRemovalTests(FilesCluster cluster)
{
    private readonly string _path = "/" + Guid.NewGuid().ToString("N");

    /// <summary>Its content is in the row again, and its checkpoint lies in a segment that no extent names.</summary>
    [Theory]
    [InlineData(false)]
    [InlineData(true)]
    public async Task Removed_AfterItBecameSmallAgain_ReleasesItsSegment_AndLeavesNoOwner(bool isReplaced)
    {
        var inode = (await cluster.Names.OpenAsync(Call(), _path, new() { Create = true })).Inode;
        await cluster.File(inode).WriteAsync(Call(), 0, new(new byte[20_000]), false);
        await (isReplaced
            ? cluster.Names.PutSmallAsync(Call(), _path, new("small"u8.ToArray()), new() { Create = true })
            : cluster.File(inode).TruncateAsync(Call(), 0));
        await cluster.CloseAsync(inode);
        var segment = await cluster.Catalog.ReadAsync(session => session.QueryFirstAsync<long>(
            "SELECT checkpoint_segment FROM dos_inodes WHERE inode_id = @inode", new { inode = inode.Value }));
        await cluster.Catalog.WriteAsync(session => session.ExecuteAsync(
            "INSERT INTO dos_segments(segment_id, object, epoch, state, length, replicas_wanted, created_at) VALUES (@segment, @target, 1, 2, 1, 1, 0)",
            new { segment, target = ObjectId.File(inode).ToString() }));
        await cluster.Names.RemoveAsync(Call(), _path, false);
        Assert.Contains(new SegmentId(segment), cluster.Released);
        Assert.Equal(0, await OwnersAsync(inode));
    }

    [Fact]
    public async Task Removed_AfterAnOwnerWroteLittle_LeavesNoOwner()
    {
        var inode = (await cluster.Names.OpenAsync(Call(), _path, new() { Create = true })).Inode;
        await cluster.File(inode).WriteAsync(Call(), 0, new([1, 2, 3]), false);
        await cluster.CloseAsync(inode);
        Assert.Equal(1, await OwnersAsync(inode));
        await cluster.Names.RemoveAsync(Call(), _path, false);
        Assert.Equal(0, await OwnersAsync(inode));
    }

    private Task<long> OwnersAsync(InodeId inode) => cluster.Catalog.ReadAsync(session => session.QueryFirstAsync<long>(
        "SELECT COUNT(*) FROM dos_owners WHERE object = @target", new { target = ObjectId.File(inode).ToString() }));
}
