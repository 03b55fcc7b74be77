using Orleans.Concurrency;
using Orleans.DOS.Security;
using Xunit;
using static Orleans.DOS.Files.FilesCluster;

namespace Orleans.DOS.Files;

public sealed class SqliteNamespaceTests(SqliteFiles cluster) : NamespaceTests(cluster), IClassFixture<SqliteFiles>;

public sealed class PostgresNamespaceTests(PostgresFiles cluster) : NamespaceTests(cluster), IClassFixture<PostgresFiles>
{
    private readonly FilesCluster _cluster = cluster;

    /// <summary>On a fresh database the planner knows nothing of the tables' sizes, and keeps the plans that it then makes.</summary>
    [Fact]
    public async Task Walk_AndTheLookForTakenNames_ReadNoOtherEntriesOfTheDirectory()
    {
        const int Files = 300;
        await MakeAsync("d");
        await Parallel.ForAsync(0, Files, async (number, _) => await PutAsync($"d/{number}", ""));
        var directory = (await StatAsync("d")).Inode;

        var (found, taken, read) = await _cluster.Catalog.ReadAsync(async session =>
        {
            // What this connection's earlier transactions read is counted too until it is handed over.
            Task<long> ReadAsync() => session.QueryFirstAsync<long>(
                "SELECT CAST(SUM(seq_tup_read + COALESCE(idx_tup_fetch, 0)) AS BIGINT) FROM pg_stat_xact_user_tables WHERE relname IN ('dos_entries', 'dos_inodes')");
            var before = await ReadAsync();
            var row = (await session.ResolveAsync(new(1), DosPath.Parse($"{Home}/d/7"), true, new HashSet<string>())).Row;
            var names = await session.TakenNamesAsync(directory, ["7", "none", "8"]);
            return (row, names, await ReadAsync() - before);
        });

        Assert.Equal("7", found?.Name);
        Assert.Equal(["7", "8"], taken.Order());
        Assert.InRange(read, 1, 20);
    }
}

/// <summary>The same promises over both databases; each test works below a directory of its own.</summary>
public abstract class NamespaceTests(FilesCluster cluster)
{
    private static readonly FileOpenOptions Create = new() { Create = true };
    private readonly string _home = "/" + Guid.NewGuid().ToString("N");

    protected string Home => _home;

    private INamespaceGrain Names => cluster.Names;

    /// <summary>What frees room, and what was done already, is never refused for want of it.</summary>
    [Fact]
    public async Task Catalog_NearlyFull_TakesNothingNew_ButRemovesAndRepeats()
    {
        await MakeAsync("");
        await PutAsync("old", "content");
        await MakeAsync("d");
        var made = Call();
        await Names.MakeDirectoryAsync(made, $"{_home}/made", false, 493);
        var put = Call();
        var content = new Immutable<byte[]>("new"u8.ToArray());
        await Names.PutSmallAsync(put, $"{_home}/put", content, Create);
        cluster.Watched.IsFull = true;
        try
        {
            await FailsAsync(DosErrorCode.NoSpace, Names.MakeDirectoryAsync(Call(), $"{_home}/other", false, 493));
            await FailsAsync(DosErrorCode.NoSpace, Names.PutSmallAsync(Call(), $"{_home}/small", content, Create));
            await FailsAsync(DosErrorCode.NoSpace, Names.OpenAsync(Call(), $"{_home}/opened", Create));
            await FailsAsync(DosErrorCode.NoSpace, Names.MakeSymbolicLinkAsync(Call(), "old", $"{_home}/link"));
            await Names.MakeDirectoryAsync(made, $"{_home}/made", false, 493);
            await Names.PutSmallAsync(put, $"{_home}/put", content, Create);
            await Names.RenameAsync(Call(), $"{_home}/old", $"{_home}/d/moved");
            await Names.ChangeModeAsync(Call(), $"{_home}/put", 0b110_000_000);
            await Names.RemoveAsync(Call(), $"{_home}/put", false);
            await Names.RemoveAsync(Call(), $"{_home}/d", true);
        }
        finally
        {
            cluster.Watched.IsFull = false;
        }
        Assert.Equal(["made"], (await Names.ListAsync(Call(), _home, null, 10)).Items.Select(item => item.Name));
    }

    /// <summary>Of a process that was started again elsewhere, or has ended, nothing is taken any more.</summary>
    [Fact]
    public async Task Change_ByAnIncarnationThatDoesNotAct_IsStale()
    {
        var pid = await cluster.Catalog.NextIdAsync("pid");
        await cluster.Catalog.WriteAsync(session => session.ExecuteAsync(
            "INSERT INTO dos_processes(pid, machine_id, incarnation, state, program, spec, owner, uid, gid, restart, restarts, created_at) "
            + "VALUES (@pid, 1, 2, 2, 'sleep', @spec, 'a', 0, 0, 0, 0, 0)", new { pid, spec = Array.Empty<byte>() }));
        CallContext As(long incarnation) => Call() with { Process = new(pid), Incarnation = incarnation };

        await FailsAsync(DosErrorCode.Stale, Names.MakeDirectoryAsync(As(1), $"{_home}", false, 493));
        await Names.MakeDirectoryAsync(As(2), $"{_home}", false, 493);
        await cluster.Catalog.WriteAsync(session => session.ExecuteAsync("UPDATE dos_processes SET state = 4 WHERE pid = @pid", new { pid }));
        await FailsAsync(DosErrorCode.Stale, Names.RemoveAsync(As(2), $"{_home}", false));
        await Names.RemoveAsync(Call(), $"{_home}", false);
    }

    [Fact]
    public async Task MakeDirectory_WithParents_MakesWhatIsMissing_AndWithoutRefuses()
    {
        await FailsAsync(DosErrorCode.NoSuchPath, Names.MakeDirectoryAsync(Call(), $"{_home}/a/b", false, 493));
        var made = await MakeAsync("a/b");
        Assert.Equal("b", made.Name);
        Assert.Equal(made.Inode, (await MakeAsync("a/b")).Inode);
        await FailsAsync(DosErrorCode.PathExists, Names.MakeDirectoryAsync(Call(), $"{_home}/a/b", false, 493));
        Assert.Equal(3, (await StatAsync("a")).Links);
        Assert.Equal(made.Inode, (await StatAsync("a/b/../b/.")).Inode);
    }

    [Fact]
    public async Task PutSmall_ReplacesInOneCommit_AndIsReadBack()
    {
        await MakeAsync("");
        var first = await PutAsync("f", "one");
        var second = await PutAsync("f", "two!");
        Assert.Equal(first.Inode, second.Inode);
        Assert.True(second.Version > first.Version);
        Assert.Equal("two!"u8.ToArray(), await cluster.ReadAsync(first.Inode));
        Assert.Equal("o!"u8.ToArray(), await cluster.ReadAsync(first.Inode, 2));
        await FailsAsync(DosErrorCode.PathExists, Names.PutSmallAsync(Call(), $"{_home}/f", new([]), new() { Create = true, Exclusive = true }));
        await FailsAsync(DosErrorCode.IsADirectory, Names.PutSmallAsync(Call(), _home, new([]), Create));
        await FailsAsync(DosErrorCode.NoSuchPath, Names.PutSmallAsync(Call(), $"{_home}/none", new([]), new()));
        await FailsAsync(DosErrorCode.NotADirectory, Names.PutSmallAsync(Call(), $"{_home}/f/x", new([]), Create));
    }

    [Fact]
    public async Task PutSmall_OverAFile_LeavesItsDirectoryAsItWas()
    {
        await MakeAsync("d");
        await PutAsync("d/f", "one");
        var before = await StatAsync("d");
        await PutAsync("d/f", "two");
        Assert.Equal(before, await StatAsync("d"));
    }

    [Fact]
    public async Task PutSmall_ThroughALink_OrUpwards_IsMadeWhereThePathLeads()
    {
        await MakeAsync("d/e");
        await Names.MakeSymbolicLinkAsync(Call(), "d/e", $"{_home}/link");
        var made = await PutAsync("link/../f", "one");
        Assert.Equal(made.Inode, (await StatAsync("d/f")).Inode);
        Assert.Equal((await PutAsync("link/g", "two")).Inode, (await StatAsync("d/e/g")).Inode);
        await FailsAsync(DosErrorCode.ReadOnlyPath, Names.PutSmallAsync(Call(), "/nodes", new([]), Create));
        await FailsAsync(DosErrorCode.NoSuchPath, Names.PutSmallAsync(Call(), $"{_home}/none/f", new([]), Create));
    }

    [Fact]
    public async Task PutSmall_ManyAtOnce_ShareCommits_AndOnlyThoseWhoseNameIsTakenAreRefused()
    {
        await MakeAsync("");
        var before = cluster.Watched.Commits.Count;
        var version = (await StatAsync("")).Version;
        var puts = Enumerable.Range(0, 60).Select(number => Record.ExceptionAsync(() =>
            Names.PutSmallAsync(Call(), $"{_home}/{number / 2}", new([(byte)number]), new() { Create = true, Exclusive = true })).AsTask()).ToList();
        var failures = (await Task.WhenAll(puts)).OfType<DosException>().ToList();
        Assert.Equal(30, failures.Count);
        Assert.All(failures, failure => Assert.Equal(DosErrorCode.PathExists, failure.Code));
        Assert.Equal(30, (await Names.ListAsync(Call(), _home, null, 100)).Items.Count);
        Assert.True((await StatAsync("")).Version > version);
        var commits = cluster.Watched.Commits.Skip(before).Where(commit => commit.Contains("INSERT INTO dos_entries", StringComparison.Ordinal)).ToList();
        Assert.InRange(commits.Count, 1, 25);
        Assert.Contains(commits, commit => commit.Split("INSERT INTO dos_entries").Length > 2);
    }

    [Fact]
    public async Task PutSmall_RepeatedAfterItsFileWasMoved_GetsTheFirstAnswer_AndMakesNothing()
    {
        await MakeAsync("");
        var call = Call();
        var first = await Names.PutSmallAsync(call, $"{_home}/f", new([1]), Create);
        await Names.RenameAsync(Call(), $"{_home}/f", $"{_home}/g");
        Assert.Equal(first, await Names.PutSmallAsync(call, $"{_home}/f", new([1]), Create));
        Assert.Equal(["g"], (await Names.ListAsync(Call(), _home, null, 100)).Items.Select(item => item.Name));
        await FailsAsync(DosErrorCode.StepDiverged, Names.PutSmallAsync(call, $"{_home}/f", new([2]), Create));
    }

    [Fact]
    public async Task Repeat_OfARequest_GetsTheFirstAnswer_AndOtherContentIsRefused()
    {
        await MakeAsync("");
        var call = Call();
        var first = await Names.MakeDirectoryAsync(call, $"{_home}/d", false, 493);
        Assert.Equal(first, await Names.MakeDirectoryAsync(call, $"{_home}/d", false, 493));
        await FailsAsync(DosErrorCode.StepDiverged, Names.MakeDirectoryAsync(call, $"{_home}/e", false, 493));
        await FailsAsync(DosErrorCode.InvalidArgument, Names.MakeDirectoryAsync(call with { Request = RequestId.None }, $"{_home}/e", false, 493));
        var remove = Call();
        await Names.RemoveAsync(remove, $"{_home}/d", false);
        await Names.RemoveAsync(remove, $"{_home}/d", false);
        await FailsAsync(DosErrorCode.NoSuchPath, Names.RemoveAsync(Call(), $"{_home}/d", false));
    }

    [Fact]
    public async Task List_ManyEntries_ComesInPagesInByteOrder()
    {
        await MakeAsync("");
        string[] names = [.. Enumerable.Range(0, 40).Select(number => $"f{number:d3}"), "\uff5e", "😀", "Z", "z"];
        await Task.WhenAll(names.Select(name => PutAsync(name, name)));
        List<string> listed = [];
        for (string? after = null; ;)
        {
            var page = await Names.ListAsync(Call(), _home, after, 7);
            Assert.InRange(page.Items.Count, 1, 7);
            listed.AddRange(page.Items.Select(item => item.Name));
            if ((after = page.Next) is null)
            {
                break;
            }
        }
        Assert.Equal(names.Order(ByteOrder.Instance), listed);
    }

    [Fact]
    public async Task Rename_ReplacesFileByFile_AndRefusesWhatPosixRefuses()
    {
        await MakeAsync("d/e");
        await MakeAsync("empty");
        var moved = await PutAsync("f", "new");
        var lost = await PutAsync("g", "old");
        await Names.RenameAsync(Call(), $"{_home}/f", $"{_home}/g");
        Assert.Equal(moved.Inode, (await StatAsync("g")).Inode);
        await FailsAsync(DosErrorCode.NoSuchPath, StatAsync("f"));
        await FailsAsync(DosErrorCode.NoSuchPath, Names.StatInodeAsync(Call(), lost.Inode));
        await FailsAsync(DosErrorCode.IsADirectory, Names.RenameAsync(Call(), $"{_home}/g", $"{_home}/empty"));
        await FailsAsync(DosErrorCode.NotADirectory, Names.RenameAsync(Call(), $"{_home}/empty", $"{_home}/g"));
        await FailsAsync(DosErrorCode.DirectoryNotEmpty, Names.RenameAsync(Call(), $"{_home}/empty", $"{_home}/d"));
        await FailsAsync(DosErrorCode.WouldCycle, Names.RenameAsync(Call(), $"{_home}/d", $"{_home}/d/e/x"));
        await FailsAsync(DosErrorCode.InvalidPath, Names.RenameAsync(Call(), "/", $"{_home}/x"));
        await Names.RenameAsync(Call(), $"{_home}/d", $"{_home}/empty");
        Assert.Equal("e", (await StatAsync("empty/e")).Name);
        Assert.Equal(3, (await StatAsync("")).Links);
    }

    [Fact]
    public async Task Rename_TwoAtOnceThatWouldCloseACycle_NeverBothSucceed()
    {
        for (var round = 0; round < 25; round++)
        {
            await MakeAsync($"{round}/a");
            await MakeAsync($"{round}/b");
            var at = $"{_home}/{round}";
            var both = new[] { Names.RenameAsync(Call(), $"{at}/a", $"{at}/b/a"), Names.RenameAsync(Call(), $"{at}/b", $"{at}/a/b") };
            await Task.WhenAll(both.Select(move => move.ContinueWith(_ => { }, TaskScheduler.Default)));
            var failed = Assert.Single(both, move => move.IsFaulted);
            var code = Assert.IsType<DosException>(failed.Exception!.InnerException).Code;
            Assert.True(code is DosErrorCode.WouldCycle or DosErrorCode.NoSuchPath, $"{code}");
            Assert.Single((await Names.ListAsync(Call(), at, null, 10)).Items);
        }
    }

    [Fact]
    public async Task Create_SameNameAtOnce_MakesOneFile()
    {
        await MakeAsync("");
        var stats = await Task.WhenAll(Enumerable.Range(0, 16).Select(_ => Names.OpenAsync(Call(), $"{_home}/same", Create)));
        Assert.Single(stats.Select(stat => stat.Inode).Distinct());
        var exclusive = await Task.WhenAll(Enumerable.Range(0, 8).Select(async _ =>
        {
            try
            {
                await Names.OpenAsync(Call(), $"{_home}/mine", new() { Create = true, Exclusive = true });
                return true;
            }
            catch (DosException failure) when (failure.Code == DosErrorCode.PathExists)
            {
                return false;
            }
        }));
        Assert.Single(exclusive, won => won);
    }

    [Fact]
    public async Task Links_SymbolicAndHard_LeadToTheFile()
    {
        await MakeAsync("d");
        var file = await PutAsync("d/f", "x");
        await Names.MakeSymbolicLinkAsync(Call(), "d/f", $"{_home}/soft");
        await Names.MakeSymbolicLinkAsync(Call(), _home + "/d", $"{_home}/dir");
        Assert.Equal(file.Inode, (await StatAsync("soft")).Inode);
        Assert.Equal(file.Inode, (await StatAsync("dir/f")).Inode);
        Assert.Equal("d/f", (await Names.StatAsync(Call(), $"{_home}/soft", false)).Target);
        Assert.Equal(2, (await Names.MakeLinkAsync(Call(), $"{_home}/d/f", $"{_home}/hard")).Links);
        await FailsAsync(DosErrorCode.IsADirectory, Names.MakeLinkAsync(Call(), $"{_home}/d", $"{_home}/hard2"));
        await Names.RemoveAsync(Call(), $"{_home}/d/f", false);
        Assert.Equal(1, (await StatAsync("hard")).Links);
        await FailsAsync(DosErrorCode.NoSuchPath, StatAsync("soft"));
        Assert.Equal(0b110_000_000, (await Names.ChangeModeAsync(Call(), $"{_home}/hard", 0b110_000_000)).Mode);
    }

    [Fact]
    public async Task Remove_Recursive_TakesTheWholeTree()
    {
        await MakeAsync("t/a/b/c");
        await MakeAsync("t/empty");
        await Task.WhenAll(Enumerable.Range(0, 80).Select(number => PutAsync($"t/a/f{number}", "x")));
        await FailsAsync(DosErrorCode.DirectoryNotEmpty, Names.RemoveAsync(Call(), $"{_home}/t", false));
        await Names.RemoveAsync(Call(), $"{_home}/t", true);
        Assert.Empty((await Names.ListAsync(Call(), _home, null, 10)).Items);
        Assert.Equal(2, (await StatAsync("")).Links);
    }

    [Fact]
    public async Task Remove_Recursive_SparesADirectoryThatIsMovedOutMeanwhile()
    {
        await MakeAsync("t/a/deep");
        await MakeAsync("safe");
        await PutAsync("t/file", "x");
        await PutAsync("t/a/deep/kept", "x");
        var writes = 0;
        cluster.Watched.Before = async () =>
        {
            // The first look has found the directory; before the second one it goes.
            if (Interlocked.Increment(ref writes) == 2)
            {
                await Names.RenameAsync(Call(), $"{_home}/t/a", $"{_home}/safe/a");
            }
        };
        try
        {
            await Names.RemoveAsync(Call(), $"{_home}/t", true);
        }
        finally
        {
            cluster.Watched.Before = static () => Task.CompletedTask;
        }
        Assert.True(writes > 2);
        await FailsAsync(DosErrorCode.NoSuchPath, Names.StatAsync(Call(), $"{_home}/t", true));
        Assert.Equal(1, (await StatAsync("safe/a/deep/kept")).Size);
    }

    [Fact]
    public async Task Change_WhoseSweepFails_IsDoneAllTheSame()
    {
        await MakeAsync("");
        var sweeps = 0;
        cluster.Watched.Refuse = sql => sql.StartsWith("DELETE FROM dos_requests", StringComparison.Ordinal) && ++sweeps > 0
            ? new DosException(DosErrorCode.Unavailable, "staged") : null;
        try
        {
            for (var change = 0; sweeps == 0 && change < 5_000; change++)
            {
                await Names.ChangeModeAsync(Call(), _home, 448 + (change % 2));
            }
        }
        finally
        {
            cluster.Watched.Refuse = static _ => null;
        }
        Assert.Equal(1, sweeps);
    }

    [Fact]
    public async Task Nodes_AppearAsPaths_AndCannotBeChanged()
    {
        var root = await Names.ListAsync(Call(), "/", null, 1000);
        Assert.Contains(root.Items, item => item.Name == "nodes" && item.Kind == InodeKind.Directory);
        var stat = Assert.Single((await Names.ListAsync(Call(), "/nodes", null, 10)).Items);
        var content = (await Names.ReadAsync(Call(), stat.Inode, stat.VirtualPath, 0, 4096)).Value;
        Assert.Contains("\"state\": \"Ready\"", System.Text.Encoding.UTF8.GetString(content));
        Assert.Equal(content.Length, (await Names.StatAsync(Call(), "/nodes/n-1", true)).Size);
        await FailsAsync(DosErrorCode.NoSuchPath, Names.StatAsync(Call(), "/nodes/other", true));
        await FailsAsync(DosErrorCode.ReadOnlyPath, Names.RemoveAsync(Call(), "/nodes/n-1", false));
        await FailsAsync(DosErrorCode.ReadOnlyPath, Names.PutSmallAsync(Call(), "/nodes/x", new([]), Create));
    }

    protected Task<FileStat> MakeAsync(string path) => Names.MakeDirectoryAsync(Call(), $"{_home}/{path}", true, 0b111_101_101);

    protected Task<FileStat> StatAsync(string path) => Names.StatAsync(Call(), $"{_home}/{path}", true);

    protected Task<FileStat> PutAsync(string path, string content) =>
        Names.PutSmallAsync(Call(), $"{_home}/{path}", new Immutable<byte[]>(System.Text.Encoding.UTF8.GetBytes(content)), Create);

    private static async Task FailsAsync(DosErrorCode code, Task call) => Assert.Equal(code, (await Assert.ThrowsAsync<DosException>(() => call)).Code);
}
