using System.Net;
using System.Reflection;
using System.Security.Cryptography;
using Microsoft.Extensions.Time.Testing;
using Orleans.DOS.Catalog;
using Orleans.DOS.Client.Cluster;
using Orleans.DOS.Grains.Tests.Catalog;
using Orleans.DOS.Grains.Tests.Nodes;
using Orleans.DOS.Jobs;
using Orleans.DOS.Processes;
using Orleans.DOS.Security;
using Orleans.DOS.Tests.Http;
using Xunit;

namespace Orleans.DOS.Grains.Tests.Security;

/// <summary>Whose token is good, and how long, on both databases.</summary>
public abstract class CredentialStoreTests
{
    protected static readonly Principal Alice = new("alice", 12, 34);
    private static readonly ClusterKey Key = new(RandomNumberGenerator.GetBytes(32), "c-1");
    private static readonly ProcessId Pid = new(101);
    private static readonly JobId Job = new(7);
    private static readonly TimeSpan Noticed = TimeSpan.FromSeconds(2);

    private StagedLease Lease { get; } = new();

    protected FakeTimeProvider Time { get; } = new(new DateTimeOffset(2026, 11, 23, 0, 0, 0, TimeSpan.Zero));

    protected abstract Task<TestDatabase> NewDatabaseAsync();

    [Theory]
    [InlineData(ProcessState.Running, 1, true)]
    [InlineData(ProcessState.Running, 2, false)]
    [InlineData(ProcessState.Pending, 1, false)]
    [InlineData(ProcessState.Exited, 1, false)]
    [InlineData(ProcessState.Failed, 1, false)]
    public async Task ProcessToken_IsGood_WhileItsIncarnationRuns(ProcessState state, long incarnation, bool good)
    {
        await using var database = await NewDatabaseAsync();
        await using var catalog = await CatalogFactory.OpenAsync(database.Settings);
        await InsertProcessAsync(catalog, state, incarnation);

        var caller = await Store(catalog).VerifyAsync(Token());

        Assert.Equal(good ? new Caller(Alice, Pid, 1, MachineId.Main) : null, caller);
    }

    /// <summary>The process may have been started again elsewhere by then; whoever has the token of a user does not depend on this node.</summary>
    [Fact]
    public async Task ProcessToken_WhileTheNodesLeaseHasRunOut_VouchesForNobody()
    {
        await using var database = await NewDatabaseAsync();
        await using var catalog = await CatalogFactory.OpenAsync(database.Settings);
        await InsertProcessAsync(catalog, ProcessState.Running, 1);
        var store = Store(catalog);
        Assert.NotNull(await store.VerifyAsync(Token()));

        Lease.IsHeld = false;

        Assert.Equal(DosErrorCode.Unavailable, (await Assert.ThrowsAsync<DosException>(() => store.VerifyAsync(Token()).AsTask())).Code);
        Assert.Null(await store.VerifyAsync(CredentialStore.NewToken()));
    }

    [Fact]
    public async Task ProcessToken_OfAnUnknownProcessOrAnotherMachine_IsRefused()
    {
        await using var database = await NewDatabaseAsync();
        await using var catalog = await CatalogFactory.OpenAsync(database.Settings);
        await InsertProcessAsync(catalog, ProcessState.Running, 1);

        Assert.Null(await Store(catalog).VerifyAsync(Key.SignProcess(MachineId.Main, new ProcessId(102), 1, Alice)));
        Assert.Null(await Store(catalog).VerifyAsync(Key.SignProcess(new MachineId(2), Pid, 1, Alice)));
    }

    [Fact]
    public async Task ProcessToken_DiesWithinTwoSecondsOfItsProcess()
    {
        await using var database = await NewDatabaseAsync();
        await using var catalog = await CatalogFactory.OpenAsync(database.Settings);
        await InsertProcessAsync(catalog, ProcessState.Running, 1);
        var store = Store(catalog);
        Assert.NotNull(await store.VerifyAsync(Token()));

        await catalog.WriteAsync(session => session.ExecuteAsync("UPDATE dos_processes SET state = 4 WHERE pid = @pid", new { pid = Pid.Value }));
        Time.Advance(Noticed);

        Assert.Null(await store.VerifyAsync(Token()));
    }

    [Theory]
    [InlineData(JobState.Planning, true)]
    [InlineData(JobState.Mapping, true)]
    [InlineData(JobState.Reducing, true)]
    [InlineData(JobState.Succeeded, false)]
    [InlineData(JobState.Failed, false)]
    [InlineData(JobState.Cancelled, false)]
    public async Task TaskToken_IsGood_WhileItsJobRuns(JobState state, bool good)
    {
        await using var database = await NewDatabaseAsync();
        await using var catalog = await CatalogFactory.OpenAsync(database.Settings);
        await catalog.WriteAsync(session => session.ExecuteAsync(
            "INSERT INTO dos_jobs(job_id, machine_id, state, program, spec, owner, uid, gid, output, created_at) VALUES (@id, 1, @state, 'sort', @spec, 'alice', 12, 34, '/o', 0)",
            new { id = Job.Value, state = (long)state, spec = Array.Empty<byte>() }));

        var caller = await Store(catalog).VerifyAsync(Key.SignTask(MachineId.Main, Job, 5, Alice));

        Assert.Equal(good ? new Caller(Alice, new ProcessId(0), 5, MachineId.Main) : null, caller);
        Assert.Null(await Store(catalog).VerifyAsync(Key.SignTask(MachineId.Main, new JobId(8), 5, Alice)));
    }

    [Fact]
    public async Task UserToken_Unknown_IsRefused()
    {
        await using var database = await NewDatabaseAsync();
        await using var catalog = await CatalogFactory.OpenAsync(database.Settings);

        Assert.Null(await Store(catalog).VerifyAsync(CredentialStore.NewToken()));
        Assert.Null(await Store(catalog).VerifyAsync(""));
        Assert.Null(await Store(catalog).VerifyAsync(new string('a', 100_000)));
    }

    [Fact]
    public async Task Strangers_DoNotMakeANodeForgetWhomItKnows()
    {
        await using var database = await NewDatabaseAsync();
        await using var catalog = await CatalogFactory.OpenAsync(database.Settings);
        var user = CredentialStore.NewToken();
        await CredentialStore.GrantAsync(catalog, user, Alice, Time.GetUtcNow(), default);
        var switched = new SwitchedCatalog(catalog);
        var store = Store(switched);
        Assert.Equal(new Caller(Alice), await store.VerifyAsync(user));

        switched.Answer = SwitchedCatalog.Empty;
        for (var stranger = 0; stranger < 10_001; stranger++)
        {
            Assert.Null(await store.VerifyAsync(CredentialStore.NewToken()));
        }
        switched.Answer = SwitchedCatalog.Away;
        Time.Advance(TimeSpan.FromSeconds(30));

        Assert.Equal(new Caller(Alice), await store.VerifyAsync(user));
    }

    [Fact]
    public async Task UserToken_ThatIsRevoked_DiesWithinTwoSeconds_AndComesBackWhenGrantedAgain()
    {
        await using var database = await NewDatabaseAsync();
        await using var catalog = await CatalogFactory.OpenAsync(database.Settings);
        var user = CredentialStore.NewToken();
        await CredentialStore.GrantAsync(catalog, user, Alice, Time.GetUtcNow(), default);
        var store = Store(catalog);
        Assert.NotNull(await store.VerifyAsync(user));

        await catalog.WriteAsync(session => session.ExecuteAsync("DELETE FROM dos_credentials WHERE principal = 'alice'"));
        Time.Advance(Noticed);
        Assert.Null(await store.VerifyAsync(user));

        await CredentialStore.GrantAsync(catalog, user, Alice, Time.GetUtcNow(), default);
        Time.Advance(Noticed);
        Assert.NotNull(await store.VerifyAsync(user));
    }

    [Fact]
    public async Task ProcessToken_OverHttp_OpensItsOwnMachineOnly()
    {
        await using var database = await NewDatabaseAsync();
        await using var catalog = await CatalogFactory.OpenAsync(database.Settings);
        await InsertProcessAsync(catalog, ProcessState.Running, 1, machine: 2);
        var machines = new ClusterMachines(DispatchProxy.Create<IGrainFactory, NoGrains>());
        await using var door = await HttpDouble.StartAsync(real: (machines, Store(catalog)));
        using var http = door.Raw(Key.SignProcess(new MachineId(2), Pid, 1, Alice));

        Assert.Equal(HttpStatusCode.OK, (await http.GetAsync("/v1/whoami")).StatusCode);
        foreach (var route in (string[])["files/a", "files/?list", "processes", "processes/101", "jobs", "inodes/1?position=0"])
        {
            Assert.Equal(HttpStatusCode.Forbidden, (await http.GetAsync("/v1/machines/main/" + route)).StatusCode);
            Assert.Equal(HttpStatusCode.NotFound, (await http.GetAsync("/v1/machines/other/" + route)).StatusCode);
        }
    }

    /// <summary>Nobody may come as far as to a grain.</summary>
    public class NoGrains : DispatchProxy
    {
        protected override object? Invoke(MethodInfo? targetMethod, object?[]? args) => throw new InvalidOperationException($"{targetMethod?.Name} was called");
    }

    protected CredentialStore Store(ICatalog catalog) => new(catalog, Key, Lease, Time);

    protected static string Token() => Key.SignProcess(MachineId.Main, Pid, 1, Alice);

    protected static Task InsertProcessAsync(ICatalog catalog, ProcessState state, long incarnation, long machine = 1) => catalog.WriteAsync(async session =>
    {
        await session.InsertAsync(new ProcessRecord
        {
            Pid = Pid.Value, MachineId = machine, Incarnation = incarnation, State = (long)state, Program = "true", Owner = "alice",
        });
        return true;
    });
}

public sealed class SqliteCredentialStoreTests : CredentialStoreTests
{
    protected override Task<TestDatabase> NewDatabaseAsync() => Task.FromResult<TestDatabase>(new SqliteTestDatabase());
}

public sealed class PostgresCredentialStoreTests(SharedPostgres shared) : CredentialStoreTests
{
    private static readonly TimeSpan WhileAway = TimeSpan.FromSeconds(60);

    protected override async Task<TestDatabase> NewDatabaseAsync() => await PostgresTestDatabase.CreateAsync(await shared.ServerAsync());

    [Fact]
    public async Task VerifiedToken_HoldsAMinuteWhileTheCatalogIsAway_AndNoLonger()
    {
        await using var database = await PostgresTestDatabase.CreateAsync(await PostgresServer.StartAsync(), ownsServer: true);
        await using var catalog = await CatalogFactory.OpenAsync(database.Settings);
        await InsertProcessAsync(catalog, ProcessState.Running, 1);
        var user = CredentialStore.NewToken();
        await CredentialStore.GrantAsync(catalog, user, Alice, Time.GetUtcNow(), default);
        var store = Store(catalog);
        Assert.NotNull(await store.VerifyAsync(Token()));
        Assert.Equal(new Caller(Alice), await store.VerifyAsync(user));

        await database.TakeAwayAsync();
        Time.Advance(WhileAway - TimeSpan.FromMilliseconds(1));
        Assert.NotNull(await store.VerifyAsync(Token()));
        Assert.NotNull(await store.VerifyAsync(user));
        Time.Advance(TimeSpan.FromMilliseconds(1));

        foreach (var token in (string[])[Token(), user])
        {
            var failure = await Assert.ThrowsAsync<DosException>(async () => await store.VerifyAsync(token));
            Assert.Equal(DosErrorCode.Unavailable, failure.Code);
        }
    }
}
