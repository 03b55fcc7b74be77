using Orleans.DOS.Catalog;
using Xunit;
using static Orleans.DOS.Files.FilesCluster;

namespace Orleans.DOS.Files;

public sealed class SqliteFileVersionTests(SqliteFiles cluster) : FileVersionTests(cluster), IClassFixture<SqliteFiles>;

public sealed class PostgresFileVersionTests(PostgresFiles cluster) : FileVersionTests(cluster), IClassFixture<PostgresFiles>;

/// <summary>The version of a file is what clients of HTTP compare: it never falls, and two contents never have the same.</summary>
public abstract class FileVersionTests(FilesCluster cluster)
{
    private readonly string _path = "/" + Guid.NewGuid().ToString("N");

    [Fact]
    public async Task Version_WhileACheckpointIsCommittedAndItsAnswerIsDue_NeitherFallsNorReturns()
    {
        var inode = await NewFileAsync();
        var (committed, answer) = (new TaskCompletionSource(), new TaskCompletionSource());
        cluster.Watched.After = changes =>
        {
            if (!changes.Contains("INTO dos_extents", StringComparison.Ordinal) || !committed.TrySetResult())
            {
                return Task.CompletedTask;
            }
            return answer.Task;
        };
        List<long> versions = [];
        try
        {
            // A segment that is left behind makes a checkpoint begin.
            while (!committed.Task.IsCompleted)
            {
                versions.Add(await WriteAsync(inode));
            }
            Assert.Equal(versions[^1], (await cluster.Names.StatInodeAsync(Call(), inode)).Version);
            Assert.Equal(versions[^1], (await cluster.File(inode).StatAsync(Call())).Version);
            versions.Add(await WriteAsync(inode));
        }
        finally
        {
            answer.TrySetResult();
            cluster.Watched.After = static _ => Task.CompletedTask;
        }
        versions.Add(await WriteAsync(inode));
        await cluster.CloseAsync(inode);
        Assert.Equal(versions[^1], (await cluster.Names.StatInodeAsync(Call(), inode)).Version);
        Assert.Equal(versions.Order().Distinct(), versions);
    }

    [Fact]
    public async Task Version_OfAStatThatReadTheRowBeforeASave_AndAsksTheOwnerAfterIt_IsTheOwners()
    {
        var inode = await NewFileAsync();
        var before = 0L;
        for (var write = 0; write < 10; write++)
        {
            before = await WriteAsync(inode);
        }
        var reads = 0;
        cluster.Watched.AfterRead = async () =>
        {
            if (Interlocked.Increment(ref reads) == 1)
            {
                // Everything goes into the row, and nothing is left to add to it.
                await cluster.File(inode).TruncateAsync(Call(), 0);
            }
        };
        try
        {
            Assert.True((await cluster.Names.StatInodeAsync(Call(), inode)).Version > before);
        }
        finally
        {
            cluster.Watched.AfterRead = static () => Task.CompletedTask;
        }
    }

    [Fact]
    public async Task Version_ThatAWriteAnswers_GrowsOverSavesAndOwners_AndIsTheOneOfStat()
    {
        var inode = await NewFileAsync();
        List<long> versions = [];
        for (var round = 0; round < 12; round++)
        {
            versions.Add(await WriteAsync(inode));
            Assert.Equal(versions[^1], (await cluster.Names.StatInodeAsync(Call(), inode)).Version);
            await ((round % 4) switch
            {
                0 => cluster.File(inode).TruncateAsync(Call(), 0),
                1 => cluster.CloseAsync(inode),
                2 => cluster.CrashAsync(inode),
                _ => Task.CompletedTask,
            });
        }
        Assert.Equal(versions.Order().Distinct(), versions);
    }

    [Fact]
    public async Task Version_GrowsWithChangesOfMetadata_WhileTheFileIsOpen()
    {
        var inode = await NewFileAsync();
        List<long> versions = [await WriteAsync(inode), await WriteAsync(inode)];
        versions.Add((await cluster.Names.ChangeModeAsync(Call(), _path, 384)).Version);
        Assert.Equal(versions[^1], (await cluster.Names.StatAsync(Call(), _path, true)).Version);
        versions.Add((await cluster.Names.MakeLinkAsync(Call(), _path, _path + "-2")).Version);
        versions.Add(await WriteAsync(inode));
        await cluster.CloseAsync(inode);
        Assert.Equal(versions[^1], (await cluster.Names.StatAsync(Call(), _path, true)).Version);
        Assert.Equal(versions.Order().Distinct(), versions);
    }

    private async Task<InodeId> NewFileAsync() => (await cluster.Names.OpenAsync(Call(), _path, new() { Create = true })).Inode;

    private async Task<long> WriteAsync(InodeId inode) =>
        (await cluster.File(inode).WriteAsync(Call(), 0, new(new byte[20_000]), false)).Version;
}
