using Npgsql;
using Orleans.DOS.Nodes;
using Xunit;

namespace Orleans.DOS.Catalog;

public sealed class PostgresCatalogTests(SharedPostgres shared) : CatalogTests
{
    private static CancellationToken Cancel => TestContext.Current.CancellationToken;

    protected override async Task<TestDatabase> NewDatabaseAsync() => await PostgresTestDatabase.CreateAsync(await shared.ServerAsync());

    protected override async Task<TestDatabase> NewLonelyDatabaseAsync() =>
        await PostgresTestDatabase.CreateAsync(await PostgresServer.StartAsync(), ownsServer: true);

    [Fact]
    public async Task RequireEpoch_WhileItsTransactionRuns_HoldsBackTheNextOwner()
    {
        await using var database = await NewDatabaseAsync();
        await using var catalog = await CatalogFactory.OpenAsync(database.Settings, cancellationToken: Cancel);
        var target = ObjectId.File(new InodeId(5));
        await OwnAsync(catalog, target, epoch: 1);
        var guarded = new TaskCompletionSource();
        var goOn = new TaskCompletionSource();

        var writing = catalog.WriteAsync(async session =>
        {
            await session.RequireEpochAsync(target, 1);
            guarded.TrySetResult();
            await goOn.Task;
            return await session.ExecuteAsync("INSERT INTO dos_counters(name, next) VALUES ('in flight', 0)");
        }, Cancel);
        await guarded.Task;
        var raising = OwnAsync(catalog, target, epoch: 2);
        await UntilSomeoneWaitsForALockAsync(catalog);
        Assert.False(raising.IsCompleted);
        goOn.SetResult();
        await writing;
        await raising;

        var late = await Assert.ThrowsAsync<DosException>(() => catalog.WriteAsync(async session =>
        {
            await session.RequireEpochAsync(target, 1);
            return 0;
        }, Cancel));
        Assert.Equal(DosErrorCode.Stale, late.Code);
    }

    [Fact]
    public async Task Write_Deadlock_RunsAgainUntilBothStand()
    {
        await using var database = await NewDatabaseAsync();
        await using var catalog = await CatalogFactory.OpenAsync(database.Settings, cancellationToken: Cancel);
        var both = new CountdownEvent(2);
        Task<int> Swap(string first, string second) => catalog.WriteAsync(async session =>
        {
            await session.ExecuteAsync("UPDATE dos_counters SET next = next + 1 WHERE name = @first", new { first });
            if (!both.IsSet)
            {
                both.Signal();
                await Task.Run(() => both.Wait(TimeSpan.FromSeconds(10)), Cancel);
            }
            return await session.ExecuteAsync("UPDATE dos_counters SET next = next + 1 WHERE name = @second", new { second });
        }, Cancel);

        await Task.WhenAll(Swap("inode", "pid"), Swap("pid", "inode"));

        Assert.Equal(1002, await ScalarAsync(catalog, "SELECT next FROM dos_counters WHERE name = 'inode'"));
        Assert.Equal(102, await ScalarAsync(catalog, "SELECT next FROM dos_counters WHERE name = 'pid'"));
    }

    [Fact]
    public async Task Write_LockHeldTooLong_IsUnavailable()
    {
        await using var database = await NewDatabaseAsync();
        await using var catalog = await CatalogFactory.OpenAsync(database.Settings, cancellationToken: Cancel);
        await using var other = new NpgsqlConnection(database.Settings.PostgresConnectionString);
        await other.OpenAsync(Cancel);
        await using var holding = await other.BeginTransactionAsync(Cancel);
        await using (var command = new NpgsqlCommand("UPDATE dos_counters SET next = next WHERE name = 'pid'", other, holding))
        {
            await command.ExecuteNonQueryAsync(Cancel);
        }

        var failure = await Assert.ThrowsAsync<DosException>(() => catalog.NextIdAsync("pid", Cancel));

        Assert.Equal(DosErrorCode.Unavailable, failure.Code);
    }

    [Fact]
    public async Task Session_OfOurs_HasTimeoutsAndSynchronousCommit()
    {
        await using var database = await NewDatabaseAsync();
        await using var catalog = await CatalogFactory.OpenAsync(database.Settings, cancellationToken: Cancel);

        var settings = await catalog.ReadAsync(session => session.QueryFirstAsync<string>(
            """
            SELECT concat_ws(' ', current_setting('lock_timeout'), current_setting('statement_timeout'),
              current_setting('idle_in_transaction_session_timeout'), current_setting('synchronous_commit'))
            """), Cancel);

        Assert.Equal("4s 10s 5s on", settings);
    }

    [Fact]
    public async Task Open_MalformedConnectionString_IsInvalidArgumentWithoutItsText()
    {
        var failure = await Assert.ThrowsAsync<DosException>(
            () => CatalogFactory.OpenAsync(CatalogSettings.Postgres("Hots=x;Password=secret"), cancellationToken: Cancel));

        Assert.Equal(DosErrorCode.InvalidArgument, failure.Code);
        Assert.DoesNotContain("secret", failure.ToString());
    }

    [Fact]
    public void CommitAnswerLost_IsOutcomeUnknown_ButARefusalIsCertain()
    {
        var lost = PostgresErrors.MapCommit(new NpgsqlException("Exception while reading from stream", new EndOfStreamException()));
        var ended = PostgresErrors.MapCommit(Refusal("57P01"));
        var refused = PostgresErrors.MapCommit(Refusal(PostgresErrorCodes.DiskFull));

        Assert.Equal(DosErrorCode.OutcomeUnknown, Assert.IsType<DosException>(lost).Code);
        Assert.Equal(DosErrorCode.OutcomeUnknown, Assert.IsType<DosException>(ended).Code);
        Assert.Equal(DosErrorCode.NoSpace, Assert.IsType<DosException>(refused).Code);
    }

    private static PostgresException Refusal(string state) => new("refused", "ERROR", "ERROR", state);

    private static Task UntilSomeoneWaitsForALockAsync(ICatalog catalog) => Poll.UntilAsync(
        async () => await ScalarAsync(catalog, "SELECT count(*) FROM pg_locks WHERE NOT granted") > 0, TimeSpan.FromSeconds(30), Cancel);
}
