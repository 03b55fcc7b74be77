using System.Collections.Immutable;
using Microsoft.Extensions.Logging.Abstractions;
using Microsoft.Extensions.Time.Testing;
using Orleans.DOS.Catalog;
using Orleans.DOS.Grains.Tests.Catalog;
using Orleans.DOS.Nodes;
using Orleans.DOS.Processes;
using Orleans.DOS.Segments;
using Orleans.Runtime;
using Xunit;

namespace Orleans.DOS.Grains.Tests.Nodes;

public sealed class SqliteLeaseKeeperTests : LeaseKeeperTests
{
    protected override Task<TestDatabase> NewDatabaseAsync() => Task.FromResult<TestDatabase>(new SqliteTestDatabase());
}

public sealed class PostgresLeaseKeeperTests(SharedPostgres shared) : LeaseKeeperTests
{
    protected override async Task<TestDatabase> NewDatabaseAsync() => await PostgresTestDatabase.CreateAsync(await shared.ServerAsync());
}

/// <summary>The lease of a node over rows as Orleans writes them.</summary>
public abstract class LeaseKeeperTests : IAsyncLifetime, INodeClients, INodeService
{
    private const int Joining = 2, Active = 3, Dead = 6;
    private static readonly NodeStart Other = new(new("n-other"), 8);
    private readonly NodeIdentity _identity = new(new("n-self"), 7, new("d-1"), "c-test");
    private readonly FakeTimeProvider _time = new();
    private TestDatabase? _database;
    private IOpenCatalog? _catalog;
    private SwitchedCatalog? _switched;
    private NodeStanding? _standing;
    private LeaseKeeper? _keeper;
    private int _asked;

    protected abstract Task<TestDatabase> NewDatabaseAsync();

    private LeaseKeeper Keeper => _keeper!;
    private NodeStanding Standing => _standing!;

    /// <summary>What the other node answers.</summary>
    private Func<long, bool> Unchanged { get; set; } = _ => throw new TimeoutException();

    public async ValueTask InitializeAsync()
    {
        _database = await NewDatabaseAsync();
        _catalog = await CatalogFactory.OpenAsync(_database.Settings);
        _switched = new SwitchedCatalog(_catalog);
        _standing = new NodeStanding(_identity, _time);
        var membership = new Membership();
        var view = new NodeView(_identity, membership, _standing, NullLogger<NodeView>.Instance);
        _keeper = new LeaseKeeper(_standing, view, this, _switched, membership, _time, NullLogger<LeaseKeeper>.Instance);
        await WriteAsync("INSERT INTO OrleansMembershipVersionTable(DeploymentId, Timestamp, Version) VALUES ('c-test', CURRENT_TIMESTAMP, 0)");
        await JoinAsync("n-self", 7, Active);
        await JoinAsync(Other.Node.Value, Other.Incarnation, Active);
    }

    public async ValueTask DisposeAsync()
    {
        await _catalog!.DisposeAsync();
        await _database!.DisposeAsync();
        GC.SuppressFinalize(this);
    }

    [Fact]
    public async Task Lease_IsHeldForTwoSecondsFromAReading()
    {
        Assert.False(Keeper.IsHeld);
        await Keeper.ReadAsync(default);
        Assert.True(Keeper.IsHeld);
        await Keeper.RequireAsync();
        _time.Advance(TimeSpan.FromSeconds(2));
        Assert.False(Keeper.IsHeld);
    }

    [Fact]
    public async Task Lease_OfANodeThatIsNotActiveYet_IsNotHeld()
    {
        await SetAsync("n-self", Joining);
        await Keeper.ReadAsync(default);
        Assert.False(Keeper.IsHeld);
        Assert.False(Standing.IsLost);
    }

    [Fact]
    public async Task Lease_OfANodeThatIsDead_IsLostAtOnce_AndRequiringItEnds()
    {
        await Keeper.ReadAsync(default);
        await SetAsync("n-self", Dead);
        await Keeper.ReadAsync(default);
        Assert.False(Keeper.IsHeld);
        Assert.Equal(DosErrorCode.Unavailable, (await Assert.ThrowsAsync<DosException>(() => Keeper.RequireAsync().AsTask())).Code);
        Assert.False(Keeper.IsUnchanged(long.MaxValue));
    }

    [Fact]
    public async Task Reading_WritesDownTheView_OnceForEachVersion()
    {
        await Keeper.ReadAsync(default);
        Assert.Equal("7 2 [{\"Node\":\"n-other\",\"Incarnation\":8}]", await ViewAsync());
        await SetAsync(Other.Node.Value, Dead);
        await Keeper.ReadAsync(default);
        Assert.Equal("7 3 []", await ViewAsync());
    }

    [Fact]
    public async Task View_OfANodeThatWasDeclaredDeadSince_IsNotTaken()
    {
        await SetAsync("n-self", Dead);
        Assert.False(await _catalog!.WriteAsync(session => session.ConfirmViewAsync("c-test", Standing.Self, 2, [Other], 0)));
        Assert.Null(await ViewAsync());
    }

    [Fact]
    public async Task View_ThatIsOlderThanTheOneWritten_ChangesNothing()
    {
        Assert.True(await _catalog!.WriteAsync(session => session.ConfirmViewAsync("c-test", Standing.Self, 5, [Other], 0)));
        Assert.True(await _catalog!.WriteAsync(session => session.ConfirmViewAsync("c-test", Standing.Self, 4, [], 0)));
        Assert.StartsWith("7 5 ", await ViewAsync());
    }

    [Fact]
    public async Task CatalogAway_OthersSayThatNothingHasChanged_KeepsTheLease_ForAMinute()
    {
        await Keeper.ReadAsync(default);
        _switched!.Answer = SwitchedCatalog.Away;
        Unchanged = version => version == 2;
        for (var second = 1; second < 60; second++)
        {
            _time.Advance(TimeSpan.FromSeconds(1));
            await Keeper.AskOthersAsync(default);
            Assert.True(Keeper.IsHeld, $"after {second} s");
        }
        _time.Advance(TimeSpan.FromSeconds(1));
        await Keeper.AskOthersAsync(default);
        Assert.False(Keeper.IsHeld);
        _switched.Answer = null;
        await Keeper.ReadAsync(default);
        Assert.True(Keeper.IsHeld);
    }

    [Theory]
    [InlineData(false)] // It knows a newer view.
    [InlineData(null)]  // It does not answer.
    public async Task CatalogAway_OneDoesNotSaySo_TheLeaseRunsOut(bool? answer)
    {
        await Keeper.ReadAsync(default);
        Unchanged = _ => answer ?? throw new TimeoutException();
        _time.Advance(TimeSpan.FromSeconds(2));
        await Keeper.AskOthersAsync(default);
        Assert.Equal(1, _asked);
        Assert.False(Keeper.IsHeld);
    }

    [Fact]
    public async Task CatalogThere_NobodyIsAsked()
    {
        await Keeper.ReadAsync(default);
        await Keeper.AskOthersAsync(default);
        Assert.Equal(0, _asked);
    }

    [Fact]
    public async Task DeadNode_IsFenced_WhenAllHaveConfirmed_AndTheLeaseIsOver()
    {
        await JoinAsync("n-third", 9, Active);
        var third = new NodeStart(new("n-third"), 9);
        await _catalog!.WriteAsync(session => session.ConfirmViewAsync("c-test", Other, 3, [Standing.Self, third], 0));
        await Keeper.ReadAsync(default);
        await SetAsync(Other.Node.Value, Dead);
        await Keeper.ReadAsync(default);
        Assert.True(Standing.IsRefused(Other));
        await PassAsync(10);
        Assert.False(Standing.IsFenced(Other)); // The third has not confirmed.

        await _catalog!.WriteAsync(session => session.ConfirmViewAsync("c-test", third, 4, [Standing.Self], 0));
        await PassAsync(2);
        Assert.False(Standing.IsFenced(Other));
        await PassAsync(2);
        Assert.True(Standing.IsFenced(Other));
    }

    [Fact]
    public async Task UnknownNode_IsFenced_OnlyByAReadingBegunAfterTheQuestion()
    {
        await Keeper.ReadAsync(default);
        var unknown = new NodeStart(new("n-gone"), 3);
        _time.Advance(TimeSpan.FromSeconds(1));
        Assert.False(Standing.IsFenced(unknown));
        Assert.True(Standing.Wanted.IsCompleted);
        _time.Advance(TimeSpan.FromMilliseconds(1));
        await Keeper.ReadAsync(default);
        Assert.True(Standing.IsFenced(unknown));
    }

    [Fact]
    public void BootTime_Advances_AndIsInSeconds()
    {
        var started = BootTime.Instance.GetTimestamp();
        Assert.True(SpinWait.SpinUntil(() => BootTime.Instance.GetElapsedTime(started) >= TimeSpan.FromMilliseconds(20), TimeSpan.FromSeconds(20)));
        Assert.True(BootTime.Instance.GetElapsedTime(started) < TimeSpan.FromSeconds(20));
    }

    private async Task PassAsync(int seconds)
    {
        for (; seconds > 0; seconds--)
        {
            _time.Advance(TimeSpan.FromSeconds(1));
            await Keeper.ReadAsync(default);
        }
    }

    private Task<string?> ViewAsync() => _catalog!.ReadAsync(session => session.QueryFirstAsync<string>(
        "SELECT CAST(incarnation AS TEXT) || ' ' || CAST(version AS TEXT) || ' ' || others FROM dos_views WHERE node_id = 'n-self'"));

    private Task JoinAsync(string node, long incarnation, int status) => WriteAsync(
        "INSERT INTO OrleansMembershipTable(DeploymentId, Address, Port, Generation, SiloName, HostName, Status, ProxyPort, StartTime, IAmAliveTime) "
        + $"VALUES ('c-test', '127.0.0.1', 1, {incarnation}, '{node}', 'h', {status}, 0, CURRENT_TIMESTAMP, CURRENT_TIMESTAMP)", moves: true);

    private Task SetAsync(string node, int status) => WriteAsync($"UPDATE OrleansMembershipTable SET Status = {status} WHERE SiloName = '{node}'", moves: true);

    /// <param name="moves">The version goes up by one, as with Orleans' own statements; on SQLite triggers do it.</param>
    private Task WriteAsync(string sql, bool moves = false) => _catalog!.WriteAsync(async session =>
    {
        await session.ExecuteAsync(sql);
        return moves && session.Dialect.Name != "sqlite" ? await session.ExecuteAsync("UPDATE OrleansMembershipVersionTable SET Version = Version + 1") : 0;
    });

    INodeService INodeClients.Node(NodeId node) => this;
    ISegmentService INodeClients.Segments(NodeId node) => throw new NotSupportedException();
    IProgramHostService INodeClients.Programs(NodeId node) => throw new NotSupportedException();
    Task<bool> INodeService.DropAsync(ObjectId target, long belowEpoch) => throw new NotSupportedException();

    async Task<bool> INodeService.IsUnchangedAsync(long incarnation, long version)
    {
        _asked++;
        Assert.Equal(Other.Incarnation, incarnation);
        await Task.CompletedTask;
        return Unchanged(version);
    }

    private sealed class Membership : IClusterMembershipService
    {
        public ClusterMembershipSnapshot CurrentSnapshot { get; } = new(ImmutableDictionary<SiloAddress, ClusterMember>.Empty, MembershipVersion.MinValue);
        public IAsyncEnumerable<ClusterMembershipSnapshot> MembershipUpdates => throw new NotSupportedException();
        public ValueTask Refresh(MembershipVersion minimumVersion = default, CancellationToken cancellationToken = default) => default;
        public Task<bool> TryKill(SiloAddress siloAddress) => throw new NotSupportedException();
    }
}
