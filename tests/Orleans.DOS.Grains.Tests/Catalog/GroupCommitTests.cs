using Xunit;

namespace Orleans.DOS.Catalog;

public sealed class SqliteGroupCommitTests : GroupCommitTests
{
    protected override Task<TestDatabase> NewDatabaseAsync() => Task.FromResult<TestDatabase>(new SqliteTestDatabase());
}

public sealed class PostgresGroupCommitTests(SharedPostgres shared) : GroupCommitTests
{
    protected override async Task<TestDatabase> NewDatabaseAsync() => await PostgresTestDatabase.CreateAsync(await shared.ServerAsync());
}

/// <summary>What a node's writer of small changes promises, on both databases.</summary>
public abstract class GroupCommitTests
{
    private const string Insert = "INSERT INTO dos_counters(name, next) VALUES (@name, @next)";

    protected abstract Task<TestDatabase> NewDatabaseAsync();

    [Fact]
    public async Task ChangesThatWait_ShareOneTransaction_InTheirOrder()
    {
        await using var fixture = await NewAsync();
        fixture.Gate.Close();
        var first = fixture.Writer.CommitAsync(("first", 0));
        await fixture.Gate.Entered;
        var rest = Enumerable.Range(1, 20).Select(number => fixture.Writer.CommitAsync(($"c{number}", number))).ToArray();
        fixture.Gate.Open();
        Assert.Equal(1, await first);
        Assert.All(await Task.WhenAll(rest), rows => Assert.Equal(1, rows));
        Assert.Equal(["first", string.Join(' ', Enumerable.Range(1, 20).Select(number => $"c{number}"))], fixture.Batches);
    }

    [Fact]
    public async Task RefusedChange_IsRefusedAlone()
    {
        await using var fixture = await NewAsync("INSERT INTO dos_counters(name, next) VALUES (@name, @next) ON CONFLICT DO NOTHING");
        await fixture.Writer.CommitAsync(("taken", 1));
        var answers = await fixture.BehindOneAsync(("a", 1), ("taken", 2), ("b", 3));
        int[] expected = [1, 0, 1];
        Assert.Equal(expected, await Task.WhenAll(answers));
        Assert.Equal((1L, 1L, 3L), (await fixture.NextAsync("taken"), await fixture.NextAsync("a"), await fixture.NextAsync("b")));
    }

    [Fact]
    public async Task ChangeThatUndoesTheTransaction_FailsAlone_AndTheOthersStand()
    {
        await using var fixture = await NewAsync();
        await fixture.Writer.CommitAsync(("taken", 1));
        var answers = await fixture.BehindOneAsync(("a", 1), ("taken", 2), ("b", 3));
        Assert.Equal((1, 1), (await answers[0], await answers[2]));
        Assert.Equal(DosErrorCode.Conflict, (await Assert.ThrowsAsync<DosException>(() => answers[1])).Code);
        Assert.Equal((1L, 3L), (await fixture.NextAsync("a"), await fixture.NextAsync("b")));
    }

    [Theory]
    [InlineData(DosErrorCode.OutcomeUnknown)]
    [InlineData(DosErrorCode.Unavailable)]
    public async Task FailedTransaction_FailsAllItsChanges_AndTheNextOneIsCarriedOut(DosErrorCode code)
    {
        await using var fixture = await NewAsync();
        fixture.Catalog.FailAfter = () => new DosException(code, "gone");
        foreach (var answer in await fixture.BehindOneAsync(("a", 1), ("b", 2)))
        {
            Assert.Equal(code, (await Assert.ThrowsAsync<DosException>(() => answer)).Code);
        }
        fixture.Catalog.FailAfter = static () => null;
        Assert.Equal(1, await fixture.Writer.CommitAsync(("c", 3)));
        Assert.Equal(["go", "a b", "c"], fixture.Batches);
    }

    [Fact]
    public async Task Disposed_CarriesOutWhatWaits_AndTakesNoMore()
    {
        await using var fixture = await NewAsync();
        fixture.Gate.Close();
        var first = fixture.Writer.CommitAsync(("first", 0));
        await fixture.Gate.Entered;
        var waiting = fixture.Writer.CommitAsync(("waiting", 1));
        var closing = fixture.Writer.DisposeAsync().AsTask();
        Assert.Equal(DosErrorCode.Unavailable, (await Assert.ThrowsAsync<DosException>(() => fixture.Writer.CommitAsync(("late", 2)))).Code);
        fixture.Gate.Open();
        await closing;
        Assert.Equal((1, 1), (await first, await waiting));
        Assert.Null(await fixture.NextAsync("late"));
    }

    [Fact]
    public async Task MoreThanOneBatch_AreSeveralTransactions()
    {
        await using var fixture = await NewAsync();
        var count = (Limits.CatalogBatchMax * 2) + 1;
        await Task.WhenAll(await fixture.BehindOneAsync([.. Enumerable.Range(0, count).Select(number => ($"n{number}", number))]));
        Assert.Equal([1, Limits.CatalogBatchMax, Limits.CatalogBatchMax, 1], fixture.Batches.Select(batch => batch.Split(' ').Length));
    }

    private async Task<Fixture> NewAsync(string sql = Insert)
    {
        var database = await NewDatabaseAsync();
        return new Fixture(database, await CatalogFactory.OpenAsync(database.Settings), sql);
    }

    private sealed class Fixture : IAsyncDisposable
    {
        private readonly TestDatabase _database;
        private readonly IOpenCatalog _inner;

        public Fixture(TestDatabase database, IOpenCatalog inner, string sql)
        {
            (_database, _inner) = (database, inner);
            Catalog = new StagedCatalog(inner, Gate);
            Writer = new GroupCommit<(string Name, long Next), int>(Catalog, (session, changes) =>
            {
                Catalog.Note(string.Join(' ', changes.Select(change => change.Name)));
                var answers = new int[changes.Count];
                foreach (var (index, (name, next)) in changes.Index())
                {
                    session.Queue(sql, new { name, next }, rows =>
                    {
                        answers[index] = rows;
                        return null;
                    });
                }
                return Task.FromResult<IReadOnlyList<int>>(answers);
            });
        }

        public Gate Gate { get; } = new();
        public StagedCatalog Catalog { get; }
        public GroupCommit<(string Name, long Next), int> Writer { get; }
        public IReadOnlyList<string> Batches => Catalog.Batches;

        /// <summary>Hands these in while another transaction is under way, then lets it end; so they share the next one.</summary>
        public async Task<Task<int>[]> BehindOneAsync(params (string Name, long Next)[] changes)
        {
            Gate.Close();
            var first = Writer.CommitAsync(("go", 0));
            await Gate.Entered;
            var answers = changes.Select(Writer.CommitAsync).ToArray();
            Gate.Open();
            await first;
            return answers;
        }

        public Task<long?> NextAsync(string name) =>
            _inner.ReadAsync(session => session.QueryFirstAsync<long?>("SELECT next FROM dos_counters WHERE name = @name", new { name }));

        public async ValueTask DisposeAsync()
        {
            Gate.Open();
            await Writer.DisposeAsync();
            await _inner.DisposeAsync();
            await _database.DisposeAsync();
        }
    }

    /// <summary>Open at first. Who comes to it while it is closed is told of, and waits until it is opened.</summary>
    private sealed class Gate
    {
        private TaskCompletionSource _entered = New(), _open = New();

        public Gate() => Open();

        public Task Entered => _entered.Task;

        public Task PassAsync()
        {
            _entered.TrySetResult();
            return _open.Task;
        }

        public void Open() => _open.TrySetResult();

        public void Close() => (_entered, _open) = (New(), New());

        private static TaskCompletionSource New() => new(TaskCreationOptions.RunContinuationsAsynchronously);
    }

    private sealed class StagedCatalog(ICatalog inner, Gate gate) : ICatalog
    {
        private readonly List<string> _batches = [];
        private string _last = "";

        public IReadOnlyList<string> Batches => _batches;
        /// <summary>Thrown after a transaction of several changes.</summary>
        public Func<Exception?> FailAfter { get; set; } = static () => null;
        public ISqlDialect Dialect => inner.Dialect;

        public void Note(string batch) => _last = batch;

        public Task<T> ReadAsync<T>(Func<ICatalogSession, Task<T>> work, CancellationToken cancellationToken = default) => inner.ReadAsync(work, cancellationToken);

        public async Task<T> WriteAsync<T>(Func<ICatalogSession, Task<T>> work, CancellationToken cancellationToken = default)
        {
            await gate.PassAsync();
            var result = await inner.WriteAsync(work, cancellationToken);
            _batches.Add(_last);
            return _last.Contains(' ') && FailAfter() is { } failure ? throw failure : result;
        }

        public Task<long> NextIdAsync(string counter, CancellationToken cancellationToken = default) => inner.NextIdAsync(counter, cancellationToken);
    }
}
