using Microsoft.Data.Sqlite;
using Xunit;

namespace Orleans.DOS.Catalog;

public sealed class SqliteCatalogTests : CatalogTests
{
    private static CancellationToken Cancel => TestContext.Current.CancellationToken;

    protected override Task<TestDatabase> NewDatabaseAsync() => Task.FromResult<TestDatabase>(new SqliteTestDatabase());

    protected override Task<TestDatabase> NewLonelyDatabaseAsync() => NewDatabaseAsync();

    [Fact]
    public async Task Write_ThatAwaitsSomethingElse_IsInternalAndHurtsNoOther()
    {
        await using var database = new SqliteTestDatabase();
        await using var catalog = await CatalogFactory.OpenAsync(database.Settings, cancellationToken: Cancel);
        var never = new TaskCompletionSource();

        var failure = await Assert.ThrowsAsync<DosException>(() => catalog.WriteAsync(async session =>
        {
            await session.ExecuteAsync("INSERT INTO dos_counters(name, next) VALUES ('half', 0)");
            await never.Task;
            return await session.ExecuteAsync("INSERT INTO dos_counters(name, next) VALUES ('late', 0)");
        }, Cancel));
        never.SetResult(); // what goes on later finds its session closed
        await catalog.WriteAsync(session => session.ExecuteAsync("INSERT INTO dos_counters(name, next) VALUES ('whole', 0)"), Cancel);

        Assert.Equal(DosErrorCode.Internal, failure.Code);
        Assert.Equal(1, await ScalarAsync(catalog, "SELECT count(*) FROM dos_counters WHERE name IN ('half', 'late', 'whole')"));
    }

    [Fact]
    public async Task Write_WhileAnotherConnectionHoldsTheLock_WaitsInsteadOfFailing()
    {
        await using var database = new SqliteTestDatabase();
        await using var catalog = await CatalogFactory.OpenAsync(database.Settings, cancellationToken: Cancel);
        await using var other = new SqliteConnection($"Data Source={database.FilePath};Pooling=False");
        await other.OpenAsync(Cancel);
        var holding = other.BeginTransaction(deferred: false);

        var waiting = catalog.WriteAsync(session => session.ExecuteAsync("INSERT INTO dos_counters(name, next) VALUES ('waited', 0)"), Cancel);
        // Longer than the driver's own timeout of 1 s.
        await Assert.ThrowsAsync<TimeoutException>(() => waiting.WaitAsync(TimeSpan.FromMilliseconds(1500), Cancel));
        holding.Commit();

        Assert.Equal(1, await waiting);
    }

    [Fact]
    public async Task BusyTimeout_OfAConnectionOpenedByAnyone_IsTheRegisteredOne()
    {
        SqliteBusyTimeout.Register();
        await using var plain = new SqliteConnection("Data Source=:memory:");
        await plain.OpenAsync(Cancel);
        await using var command = plain.CreateCommand();
        command.CommandText = "PRAGMA busy_timeout";

        Assert.Equal((long)Limits.CatalogBusyTimeout.TotalMilliseconds, await command.ExecuteScalarAsync(Cancel));
    }

    [Fact]
    public async Task Open_OrleansConnection_SyncsFullyInWalMode()
    {
        await using var database = new SqliteTestDatabase();
        await CatalogMigrations.ApplyAsync(database.Settings, cancellationToken: Cancel);
        await using var connection = new SqliteConnection(database.Settings.OrleansConnectionString);
        await connection.OpenAsync(Cancel);
        await using var command = connection.CreateCommand();
        command.CommandText = "SELECT (SELECT synchronous FROM pragma_synchronous) || (SELECT journal_mode FROM pragma_journal_mode)";

        Assert.Equal("2wal", await command.ExecuteScalarAsync(Cancel));
    }

    [Fact]
    public async Task Open_NewFile_IsReadableByItsOwnerAlone()
    {
        await using var database = new SqliteTestDatabase();
        await using var catalog = await CatalogFactory.OpenAsync(database.Settings, cancellationToken: Cancel);

        if (!OperatingSystem.IsWindows())
        {
            Assert.Equal(UnixFileMode.UserRead | UnixFileMode.UserWrite, System.IO.File.GetUnixFileMode(database.FilePath));
        }
    }

    [Fact]
    public async Task Write_DiskFull_IsNoSpaceAndOthersOfItsBatchStand()
    {
        await using var database = new SqliteTestDatabase();
        await using var catalog = await CatalogFactory.OpenAsync(database.Settings, cancellationToken: Cancel);
        using var together = new ManualResetEventSlim();
        var gate = catalog.WriteAsync(session => Task.FromResult(together.Wait(TimeSpan.FromSeconds(30))), Cancel); // so that the rest is one batch

        var small = catalog.WriteAsync(session => session.ExecuteAsync("INSERT INTO dos_counters(name, next) VALUES ('small', 0)"), Cancel);
        var large = catalog.WriteAsync(async session =>
        {
            await session.ExecuteAsync("PRAGMA max_page_count = 1"); // becomes the present size
            return await session.ExecuteAsync("INSERT INTO dos_counters(name, next) VALUES (@name, 0)", new { name = new string('x', 1 << 20) });
        }, Cancel);
        together.Set();
        await gate;

        var failure = await Assert.ThrowsAsync<DosException>(() => large);
        Assert.Equal(DosErrorCode.NoSpace, failure.Code);
        Assert.Equal(1, await small);
        Assert.Equal(1, await ScalarAsync(catalog, "SELECT count(*) FROM dos_counters WHERE name = 'small'"));
    }

    [Fact]
    public async Task Write_NotADatabase_IsRefusedWithItsCode()
    {
        await using var database = new SqliteTestDatabase();
        await System.IO.File.WriteAllTextAsync(database.FilePath, new string('x', 8192), Cancel);

        var failure = await Assert.ThrowsAsync<DosException>(() => CatalogFactory.OpenAsync(database.Settings, cancellationToken: Cancel));

        Assert.Equal(DosErrorCode.Damaged, failure.Code);
    }
}
