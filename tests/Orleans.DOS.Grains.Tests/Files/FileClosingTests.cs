using Orleans.DOS.Catalog;
using Xunit;
using static Orleans.DOS.Files.FilesCluster;

namespace Orleans.DOS.Files;

public sealed class SqliteFileClosingTests(SqliteFiles cluster) : FileClosingTests(cluster), IClassFixture<SqliteFiles>;

public sealed class PostgresFileClosingTests(PostgresFiles cluster) : FileClosingTests(cluster), IClassFixture<PostgresFiles>;

/// <summary>When an owner gives a file up by itself, and that reading does not open it again.</summary>
public abstract class FileClosingTests(FilesCluster cluster)
{
    /// <summary>More reads than it takes: 1 KiB each, so that their number counts and not their bytes.</summary>
    private const int Reads = 100;

    private static readonly TimeSpan Patience = TimeSpan.FromSeconds(20);

    [Fact]
    public async Task FileThatIsReadInBulkAfterItsLastWrite_IsClosed_AndReadFromRows()
    {
        var (inode, content) = await WrittenAsync();
        var closes = cluster.ClosesAsync(inode);
        cluster.Time.Leap(TimeSpan.FromSeconds(2));
        await ReadAllAsync(inode, content);
        await closes.WaitAsync(Patience, TestContext.Current.CancellationToken);
        await ReadAllAsync(inode, content);
        Assert.Equal(0, await OpenEpochAsync(inode));
    }

    /// <summary>It asked because the row said "open"; the file was closed on the way.</summary>
    [Fact]
    public async Task ReaderWhoComesTooLate_GetsThePlanOfRows_AndOpensNothing()
    {
        var (inode, content) = await WrittenAsync();
        await cluster.CloseAsync(inode);
        var plan = await cluster.Owner(inode).PlanReadAsync(Call(), 0, content.Length);
        Assert.Equal(content.Length, plan.Size);
        Assert.Equal(content.Length, plan.Extents.Sum(extent => extent.ToExtent().Length));
        Assert.Equal(0, await OpenEpochAsync(inode));
    }

    [Fact]
    public async Task FileThatIsWrittenBetweenReads_StaysOpen()
    {
        var (inode, content) = await WrittenAsync();
        cluster.Time.Leap(TimeSpan.FromSeconds(2));
        for (var read = 0; read < Reads; read++)
        {
            await cluster.File(inode).WriteAsync(Call(), 0, new(content[..1]), false);
            Assert.Equal(content, await cluster.ReadAsync(inode));
        }
        Assert.NotEqual(0, await OpenEpochAsync(inode));
    }

    private async Task<(InodeId Inode, byte[] Content)> WrittenAsync()
    {
        var inode = (await cluster.Names.OpenAsync(Call(), "/" + Guid.NewGuid().ToString("N"), new() { Create = true })).Inode;
        var content = new byte[Reads * 1024];
        Random.Shared.NextBytes(content);
        await cluster.File(inode).WriteAsync(Call(), 0, new(content), false);
        await cluster.File(inode).FlushAsync(Call());
        return (inode, content);
    }

    private async Task ReadAllAsync(InodeId inode, byte[] content)
    {
        for (var position = 0; position < content.Length; position += 1024)
        {
            Assert.Equal(content[position..(position + 1024)], await cluster.ReadAsync(inode, position, 1024));
        }
    }

    private Task<long> OpenEpochAsync(InodeId inode) => cluster.Catalog.ReadAsync(session => session.QueryFirstAsync<long>(
        "SELECT open_epoch FROM dos_inodes WHERE inode_id = @inode", new { inode = inode.Value }));
}
