using Orleans.DOS.Nodes;
using Xunit;

namespace Orleans.DOS.Catalog;

/// <summary>What ICatalog promises, on both databases.</summary>
public abstract class CatalogTests
{
    private static CancellationToken Cancel => TestContext.Current.CancellationToken;

    protected abstract Task<TestDatabase> NewDatabaseAsync();

    /// <summary>One that can be taken away without hurting other tests.</summary>
    protected abstract Task<TestDatabase> NewLonelyDatabaseAsync();

    [Fact]
    public async Task Open_EmptyDatabase_CreatesSchemaAndClusterByDeclaredSize()
    {
        await using var database = await NewDatabaseAsync();

        await using var catalog = await CatalogFactory.OpenAsync(database.Settings with { DeclaredNodes = 3 }, cancellationToken: Cancel);

        Assert.StartsWith("c-", catalog.Cluster.ClusterId);
        Assert.Equal((3, 2), (catalog.Cluster.ReplicasDefault, catalog.Cluster.ReplicasMin));
        Assert.Equal(1, await ScalarAsync(catalog, "SELECT count(*) FROM dos_inodes WHERE inode_id = 1"));
    }

    [Fact]
    public async Task Queue_IsDoneInOrderBeforeTheNextStatement_AndAFailedCheckUndoesAll()
    {
        await using var database = await NewDatabaseAsync();
        await using var catalog = await CatalogFactory.OpenAsync(database.Settings, cancellationToken: Cancel);
        const string insert = "INSERT INTO dos_counters(name, next) VALUES (@name, @next)", raise = "UPDATE dos_counters SET next = next * @by WHERE name = @name";

        var seen = await catalog.WriteAsync(async session =>
        {
            session.Queue(insert, new { name = "queued", next = 2L });
            session.Queue(raise, new { name = "queued", by = 5L }, changed => changed == 1 ? null : new InvalidOperationException($"{changed} rows"));
            return await session.QueryFirstAsync<long>("SELECT next FROM dos_counters WHERE name = 'queued'");
        }, Cancel);
        var failure = await Assert.ThrowsAsync<InvalidOperationException>(() => catalog.WriteAsync(session =>
        {
            session.Queue(raise, new { name = "queued", by = 7L });
            session.Queue(raise, new { name = "nobody", by = 7L }, changed => changed == 1 ? null : new InvalidOperationException($"{changed} rows"));
            return Task.FromResult(true);
        }, Cancel));

        Assert.Equal(10, seen);
        Assert.Equal("0 rows", failure.Message);
        Assert.Equal(10, await ScalarAsync(catalog, "SELECT next FROM dos_counters WHERE name = 'queued'"));
    }

    [Theory]
    [InlineData(1, 1, 1)]
    [InlineData(2, 2, 1)]
    [InlineData(3, 3, 2)]
    [InlineData(50, 3, 2)]
    public async Task Apply_NewCluster_KeepsReplicasOfDeclaredSizeForEver(int nodes, long replicas, long least)
    {
        await using var database = await NewDatabaseAsync();

        var created = await CatalogMigrations.ApplyAsync(database.Settings with { DeclaredNodes = nodes }, cancellationToken: Cancel);
        var later = await CatalogMigrations.ApplyAsync(database.Settings with { DeclaredNodes = 7 }, cancellationToken: Cancel);

        Assert.Equal((replicas, least), (created.ReplicasDefault, created.ReplicasMin));
        Assert.Equal(created, later);
    }

    [Fact]
    public async Task Apply_FromThreeAtOnce_MigratesOnce()
    {
        await using var database = await NewDatabaseAsync();

        var clusters = await Task.WhenAll(Enumerable.Range(0, 3).Select(
            _ => Task.Run(() => CatalogMigrations.ApplyAsync(database.Settings, cancellationToken: Cancel), Cancel)));

        Assert.Single(clusters.Distinct());
        await using var catalog = await CatalogFactory.OpenAsync(database.Settings, cancellationToken: Cancel);
        Assert.Equal(CatalogMigration.For(catalog.Dialect).Count, await ScalarAsync(catalog, "SELECT count(*) FROM dos_schema"));
    }

    [Fact]
    public async Task Open_MigratingNotAllowed_EmptyIsTooOldAndCurrentOpens()
    {
        await using var database = await NewDatabaseAsync();
        var frozen = database.Settings with { Migrate = false };

        var failure = await Assert.ThrowsAsync<DosException>(() => CatalogFactory.OpenAsync(frozen, cancellationToken: Cancel));
        await CatalogMigrations.ApplyAsync(database.Settings, cancellationToken: Cancel);
        await using var catalog = await CatalogFactory.OpenAsync(frozen, cancellationToken: Cancel);

        Assert.Equal(DosErrorCode.SchemaTooOld, failure.Code);
    }

    [Theory]
    [InlineData("999.0.0", true)]
    [InlineData("0.1.0", false)]
    public async Task Open_NewerSchema_RefusedUnlessItsOldestReleaseIsThisOne(string oldest, bool refused)
    {
        await using var database = await NewDatabaseAsync();
        await using (var catalog = await CatalogFactory.OpenAsync(database.Settings, cancellationToken: Cancel))
        {
            await catalog.WriteAsync(session => session.ExecuteAsync("INSERT INTO dos_schema VALUES (99, @oldest, 0)", new { oldest }), Cancel);
        }

        var failure = await Record.ExceptionAsync(async () =>
        {
            await using var again = await CatalogFactory.OpenAsync(database.Settings, cancellationToken: Cancel);
        });

        Assert.Equal(refused ? DosErrorCode.SchemaTooNew : null, (failure as DosException)?.Code);
    }

    [Fact]
    public async Task Write_OneOfManyFails_OthersStand()
    {
        await using var database = await NewDatabaseAsync();
        await using var catalog = await CatalogFactory.OpenAsync(database.Settings, cancellationToken: Cancel);

        var writes = Enumerable.Range(0, 200).Select(number => catalog.WriteAsync(async session =>
        {
            await session.ExecuteAsync("INSERT INTO dos_counters(name, next) VALUES (@name, 0)", new { name = $"t{number}" });
            return number % 7 == 0 ? throw new InvalidDataException($"no {number}") : number;
        }, Cancel)).ToArray();
        await Task.WhenAll(writes.Select(write => ((Task)write).ContinueWith(static _ => { }, TaskScheduler.Default)));

        Assert.All(writes.Index(), write => Assert.Equal(write.Index % 7 == 0, write.Item.IsFaulted));
        Assert.IsType<InvalidDataException>(writes[7].Exception!.InnerException);
        Assert.Equal(writes.Count(write => !write.IsFaulted), await ScalarAsync(catalog, "SELECT count(*) FROM dos_counters WHERE name LIKE 't%'"));
    }

    [Fact]
    public async Task Write_SameKeyTwice_IsConflict()
    {
        await using var database = await NewDatabaseAsync();
        await using var catalog = await CatalogFactory.OpenAsync(database.Settings, cancellationToken: Cancel);
        Task<int> Insert() => catalog.WriteAsync(session => session.ExecuteAsync("INSERT INTO dos_counters(name, next) VALUES ('same', 0)"), Cancel);

        await Insert();
        var failure = await Assert.ThrowsAsync<DosException>(Insert);

        Assert.Equal(DosErrorCode.Conflict, failure.Code);
    }

    [Fact]
    public async Task Write_AfterReopening_IsStillThere()
    {
        await using var database = await NewDatabaseAsync();
        await using (var catalog = await CatalogFactory.OpenAsync(database.Settings, cancellationToken: Cancel))
        {
            await catalog.WriteAsync(session => session.ExecuteAsync("INSERT INTO dos_counters(name, next) VALUES ('kept', 17)"), Cancel);
        }

        await using var reopened = await CatalogFactory.OpenAsync(database.Settings, cancellationToken: Cancel);

        Assert.Equal(17, await ScalarAsync(reopened, "SELECT next FROM dos_counters WHERE name = 'kept'"));
    }

    [Fact]
    public async Task Read_TwoStatements_SeeOneSnapshot()
    {
        await using var database = await NewDatabaseAsync();
        await using var catalog = await CatalogFactory.OpenAsync(database.Settings, cancellationToken: Cancel);

        var (before, after) = await catalog.ReadAsync(async session =>
        {
            var first = await session.QueryFirstAsync<long>("SELECT count(*) FROM dos_counters");
            await catalog.WriteAsync(other => other.ExecuteAsync("INSERT INTO dos_counters(name, next) VALUES ('between', 0)"), Cancel);
            return (first, await session.QueryFirstAsync<long>("SELECT count(*) FROM dos_counters"));
        }, Cancel);

        Assert.Equal(before, after);
        Assert.Equal(before + 1, await ScalarAsync(catalog, "SELECT count(*) FROM dos_counters"));
    }

    [Fact]
    public async Task Read_ThatWrites_HasNoEffect()
    {
        await using var database = await NewDatabaseAsync();
        await using var catalog = await CatalogFactory.OpenAsync(database.Settings, cancellationToken: Cancel);

        await Record.ExceptionAsync(() => catalog.ReadAsync(session => session.ExecuteAsync("DELETE FROM dos_counters"), Cancel));

        Assert.NotEqual(0, await ScalarAsync(catalog, "SELECT count(*) FROM dos_counters"));
    }

    [Fact]
    public async Task Session_RecordsAndBytes_MapAlikeOnBothDatabases()
    {
        await using var database = await NewDatabaseAsync();
        await using var catalog = await CatalogFactory.OpenAsync(database.Settings, cancellationToken: Cancel);
        byte[] spec = [0, 1, 255];
        await catalog.WriteAsync(session => session.ExecuteAsync(
            "INSERT INTO dos_processes(pid, machine_id, incarnation, state, program, spec, owner, uid, gid, restart, restarts, created_at) VALUES (7, 1, 1, 2, 'cat', @spec, 'ann', 1, 1, 0, 0, 5)",
            new { spec }), Cancel);

        var row = (await catalog.ReadAsync(session => session.QueryAsync<ProcessRow>("SELECT pid, exit_code, node_id, spec FROM dos_processes"), Cancel)).Single();

        Assert.Equal((7L, null, null), (row.Pid, row.ExitCode, row.NodeId));
        Assert.Equal(spec, row.Spec);
    }

    private sealed record ProcessRow(long Pid, long? ExitCode, string? NodeId, byte[] Spec);

    [Fact]
    public async Task Names_OrderedByBytes_UpperBeforeLowerBeforeUmlaut()
    {
        await using var database = await NewDatabaseAsync();
        await using var catalog = await CatalogFactory.OpenAsync(database.Settings, cancellationToken: Cancel);
        string[] names = ["ä", "b", "B", "a-", "a", "_"];
        await catalog.WriteAsync(async session =>
        {
            foreach (var (number, name) in names.Index())
            {
                await session.ExecuteAsync("INSERT INTO dos_entries(parent_id, name, inode_id) VALUES (1, @name, @number)", new { name, number });
            }
            return 0;
        }, Cancel);

        var ordered = await catalog.ReadAsync(session => session.QueryAsync<string>(
            $"SELECT name FROM dos_entries WHERE parent_id = 1 ORDER BY {session.Dialect.Bytewise("name")}"), Cancel);

        Assert.Equal(names.Order(StringComparer.Ordinal), ordered);
    }

    [Fact]
    public async Task NextId_ManyAtOnceFromTwoNodes_NeverGivesANumberTwice()
    {
        await using var database = await NewDatabaseAsync();
        await using var one = await CatalogFactory.OpenAsync(database.Settings, cancellationToken: Cancel);
        await using var two = await CatalogFactory.OpenAsync(database.Settings, cancellationToken: Cancel);

        var numbers = await Task.WhenAll(Enumerable.Range(0, 1000).Select(
            turn => Task.Run(() => (turn % 2 == 0 ? one : two).NextIdAsync("pid", Cancel), Cancel)));

        Assert.Equal(1000, numbers.Distinct().Count());
        Assert.All(numbers, number => Assert.InRange(number, 100, 100 + 1000 + (2 * Limits.CatalogIdBlock)));
    }

    [Fact]
    public async Task NextId_AfterReopening_NeverGoesBack()
    {
        await using var database = await NewDatabaseAsync();
        long first;
        await using (var catalog = await CatalogFactory.OpenAsync(database.Settings, cancellationToken: Cancel))
        {
            first = await catalog.NextIdAsync("segment", Cancel);
        }

        await using var reopened = await CatalogFactory.OpenAsync(database.Settings, cancellationToken: Cancel);

        Assert.True(await reopened.NextIdAsync("segment", Cancel) > first);
    }

    [Fact]
    public async Task NextId_UnknownCounter_IsABugOfTheCaller()
    {
        await using var database = await NewDatabaseAsync();
        await using var catalog = await CatalogFactory.OpenAsync(database.Settings, cancellationToken: Cancel);

        await Assert.ThrowsAsync<ArgumentException>(() => catalog.NextIdAsync("nonsense", Cancel));
    }

    [Fact]
    public async Task RequireEpoch_OfAnOlderOwner_IsStaleAndWritesNothing()
    {
        await using var database = await NewDatabaseAsync();
        await using var catalog = await CatalogFactory.OpenAsync(database.Settings, cancellationToken: Cancel);
        var target = ObjectId.File(new InodeId(5));
        await OwnAsync(catalog, target, epoch: 3);

        var failure = await Assert.ThrowsAsync<DosException>(() => catalog.WriteAsync(async session =>
        {
            await session.RequireEpochAsync(target, 2);
            return await session.ExecuteAsync("DELETE FROM dos_counters");
        }, Cancel));

        Assert.Equal(DosErrorCode.Stale, failure.Code);
        Assert.NotEqual(0, await ScalarAsync(catalog, "SELECT count(*) FROM dos_counters"));
    }

    [Fact]
    public async Task Database_GoesAndComesBack_IsUnavailableThenServesAgain()
    {
        await using var database = await NewLonelyDatabaseAsync();
        await using var catalog = await CatalogFactory.OpenAsync(database.Settings, cancellationToken: Cancel);
        Task<int> Write(string name) => catalog.WriteAsync(
            session => session.ExecuteAsync("INSERT INTO dos_counters(name, next) VALUES (@name, 0)", new { name }), Cancel);
        await Write("before");

        await database.TakeAwayAsync();
        var opening = await Assert.ThrowsAsync<DosException>(() => CatalogFactory.OpenAsync(database.Settings, cancellationToken: Cancel));
        var writing = await Record.ExceptionAsync(() => Write("away"));
        await database.BringBackAsync();

        Assert.Equal(DosErrorCode.Unavailable, opening.Code);
        // SQLite keeps its open file when somebody renames the directory above it, so only PostgreSQL must fail here.
        Assert.Equal(catalog.Dialect.Name == "sqlite" ? null : DosErrorCode.Unavailable, (writing as DosException)?.Code);
        await EventuallyAsync(() => Write($"after-{Guid.NewGuid():N}"));
        Assert.Equal(1, await ScalarAsync(catalog, "SELECT count(*) FROM dos_counters WHERE name = 'before'"));
    }

    protected static Task OwnAsync(ICatalog catalog, ObjectId target, long epoch) => catalog.WriteAsync(session => session.ExecuteAsync(
        """
        INSERT INTO dos_owners(object, epoch, node_id, incarnation, predecessors) VALUES (@target, @epoch, 'n-1', 1, '[]')
        ON CONFLICT (object) DO UPDATE SET epoch = excluded.epoch
        """, new { target = target.ToString(), epoch }), Cancel);

    protected static Task<long> ScalarAsync(ICatalog catalog, string sql) => catalog.ReadAsync(session => session.QueryFirstAsync<long>(sql), Cancel);

    /// <summary>Again while it is Unavailable, at most 30 s.</summary>
    private static Task EventuallyAsync(Func<Task> act) => Poll.UntilAsync(async () =>
    {
        try
        {
            await act();
            return true;
        }
        catch (DosException failure) when (failure.Code is DosErrorCode.Unavailable)
        {
            return false;
        }
    }, TimeSpan.FromSeconds(30), Cancel);
}
