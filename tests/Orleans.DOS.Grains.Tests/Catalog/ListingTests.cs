using Orleans.DOS.Jobs;
using Orleans.DOS.Processes;
using Xunit;

namespace Orleans.DOS.Catalog;

/// <summary>Listings have the newest first, on both databases, although ids come in blocks of a node and so do not grow with time.</summary>
public abstract class ListingTests
{
    private static readonly MachineId Machine = new(1);
    /// <summary>Id and instant of creation; two at one instant, and ids against time.</summary>
    private static readonly (long Id, long CreatedAt)[] Created = [(100, 5_000), (164, 2_000), (101, 9_000), (165, 9_000), (102, 1_000)];
    private static readonly long[] NewestFirst = [165, 101, 100, 164, 102];

    protected abstract Task<TestDatabase> NewDatabaseAsync();

    [Theory]
    [InlineData(true)]
    [InlineData(false)]
    public async Task Processes_InPages_AreNewestFirst(bool all)
    {
        await using var database = await NewDatabaseAsync();
        await using var catalog = await CatalogFactory.OpenAsync(database.Settings);
        foreach (var (id, createdAt) in Created)
        {
            await InsertAsync(catalog, Record(id, createdAt, ProcessState.Running));
        }
        await InsertAsync(catalog, Record(200, 9_500, ProcessState.Exited));

        var seen = await PagesAsync(async after => [.. (await catalog.ListAsync(Machine, all, ListingPlace.Parse(after), 2)).Select(row => (row.Pid, row.CreatedAt))]);

        Assert.Equal(all ? [200, .. NewestFirst] : NewestFirst, seen);
    }

    [Fact]
    public async Task Jobs_InPages_AreNewestFirst()
    {
        await using var database = await NewDatabaseAsync();
        await using var catalog = await CatalogFactory.OpenAsync(database.Settings);
        foreach (var (id, createdAt) in Created)
        {
            await catalog.WriteAsync(session => session.ExecuteAsync(
                "INSERT INTO dos_jobs(job_id, machine_id, state, program, spec, owner, uid, gid, output, created_at) VALUES (@id, 1, 1, 'sort', @spec, 'admin', 0, 0, '/o', @createdAt)",
                new { id, createdAt, spec = Array.Empty<byte>() }));
        }

        var seen = await PagesAsync(async after => [.. (await JobRow.ListAsync(catalog, Machine, ListingPlace.Parse(after), 2)).Select(row => (row.JobId, row.CreatedAt))]);

        Assert.Equal(NewestFirst, seen);
    }

    [Theory]
    [InlineData("")]
    [InlineData("12")]
    [InlineData("1.2.3")]
    [InlineData("-1.2")]
    [InlineData("a.b")]
    public void Place_ThatIsNone_IsRefused(string after) =>
        Assert.Equal(DosErrorCode.InvalidArgument, Assert.Throws<DosException>(() => ListingPlace.Parse(after)).Code);

    private static async Task<List<long>> PagesAsync(Func<string?, Task<List<(long Id, long CreatedAt)>>> page)
    {
        List<long> seen = [];
        for (string? after = null; ;)
        {
            var rows = await page(after);
            if (rows.Count == 0)
            {
                return seen;
            }
            seen.AddRange(rows.Select(row => row.Id));
            after = new ListingPlace(rows[^1].CreatedAt, rows[^1].Id).ToString();
        }
    }

    private static Task InsertAsync(ICatalog catalog, ProcessRecord record) => catalog.WriteAsync(async session =>
    {
        await session.InsertAsync(record);
        return true;
    });

    private static ProcessRecord Record(long pid, long createdAt, ProcessState state) =>
        new() { Pid = pid, MachineId = Machine.Value, Incarnation = 1, State = (long)state, Program = "true", Owner = "admin", CreatedAt = createdAt };
}

public sealed class SqliteListingTests : ListingTests
{
    protected override Task<TestDatabase> NewDatabaseAsync() => Task.FromResult<TestDatabase>(new SqliteTestDatabase());
}

public sealed class PostgresListingTests(SharedPostgres shared) : ListingTests
{
    protected override async Task<TestDatabase> NewDatabaseAsync() => await PostgresTestDatabase.CreateAsync(await shared.ServerAsync());
}
