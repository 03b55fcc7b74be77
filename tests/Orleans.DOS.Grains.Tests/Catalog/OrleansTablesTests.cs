using System.Net;
using System.Net.Sockets;
using Microsoft.Extensions.DependencyInjection;
using Microsoft.Extensions.Hosting;
using Microsoft.Extensions.Logging;
using Orleans.Configuration;
using Orleans.Hosting;
using Orleans.Runtime;
using Orleans.Storage;
using Xunit;

namespace Orleans.DOS.Catalog;

/// <summary>Orleans' own providers on our tables, in real silos that find each other through the membership table.</summary>
public abstract class OrleansTablesTests
{
    private static CancellationToken Cancel => TestContext.Current.CancellationToken;

    protected abstract Task<TestDatabase> NewDatabaseAsync();

    [Fact]
    public async Task Membership_TwoSilos_SeeEachOtherAndAStoppedOneIsDead()
    {
        await using var database = await NewDatabaseAsync();
        await CatalogMigrations.ApplyAsync(database.Settings, cancellationToken: Cancel);
        using var one = await StartSiloAsync(database.Settings, "n-one");
        using var two = await StartSiloAsync(database.Settings, "n-two");

        await UntilAsync(async () => (await HostsAsync(one)).Count(host => host.Value == SiloStatus.Active) == 2);
        await two.StopAsync(Cancel);
        await UntilAsync(async () => (await HostsAsync(one)).Values.Order().SequenceEqual([SiloStatus.Active, SiloStatus.Dead]));

        var table = one.Services.GetRequiredService<IMembershipTable>();
        var rows = await table.ReadAll();
        Assert.Equal(["n-one", "n-two"], rows.Members.Select(member => member.Item1.SiloName).Order());
        await one.StopAsync(Cancel);
    }

    [Fact]
    public async Task Membership_WriteWithAnOldVersion_IsRefusedAndChangesNothing()
    {
        await using var database = await NewDatabaseAsync();
        await CatalogMigrations.ApplyAsync(database.Settings, cancellationToken: Cancel);
        using var silo = await StartSiloAsync(database.Settings, "n-one");
        var table = silo.Services.GetRequiredService<IMembershipTable>();
        var before = await table.ReadAll();
        var stranger = new MembershipEntry
        {
            SiloAddress = SiloAddress.New(IPAddress.Loopback, 5, 1), SiloName = "n-x", HostName = "h", Status = SiloStatus.Joining,
            StartTime = DateTime.UtcNow, IAmAliveTime = DateTime.UtcNow,
        };
        var stale = new TableVersion(before.Version.Version, before.Version.VersionEtag + "0");

        var inserted = await table.InsertRow(stranger, stale);
        var updated = await table.UpdateRow(before.Members[0].Item1, before.Members[0].Item2, stale);
        var insertedAgain = await table.InsertRow(before.Members[0].Item1, before.Version.Next());
        var accepted = await table.InsertRow(stranger, (await table.ReadAll()).Version.Next());
        await table.UpdateIAmAlive(before.Members[0].Item1);
        await table.CleanupDefunctSiloEntries(DateTimeOffset.UtcNow.AddMinutes(1));
        var after = await table.ReadAll();
        var row = await table.ReadRow(before.Members[0].Item1.SiloAddress);

        Assert.Equal((false, false, false, true), (inserted, updated, insertedAgain, accepted));
        Assert.Equal(before.Version.Version + 1, after.Version.Version); // a refusal, a sign of life and a clean-up are no new view
        Assert.Equal("n-one", Assert.Single(after.Members).Item1.SiloName); // the stranger was not Active, hence defunct
        Assert.Equal("n-one", Assert.Single(row.Members).Item1.SiloName);
        await silo.StopAsync(Cancel);
        await table.DeleteMembershipTableEntries("c-test");
        Assert.Equal(0, await RowsAsync(database, "SELECT count(*) FROM OrleansMembershipVersionTable"));
    }

    [Fact]
    public async Task State_WrittenByOneSilo_IsReadByTheNextAndKeysStayApart()
    {
        await using var database = await NewDatabaseAsync();
        await CatalogMigrations.ApplyAsync(database.Settings, cancellationToken: Cancel);
        using (var silo = await StartSiloAsync(database.Settings, "n-one"))
        {
            await Notebook(silo, "m:10").WriteAsync("ten");
            await Notebook(silo, "m:010").WriteAsync("octal ten");
            await Notebook(silo, "m:10").WriteAsync("ten again");
            await Notebook(silo, "m:gone").WriteAsync("soon gone");
            await Notebook(silo, "m:gone").ClearAsync();
            await silo.StopAsync(Cancel);
        }

        using var next = await StartSiloAsync(database.Settings, "n-one");

        Assert.Equal("ten again", await Notebook(next, "m:10").ReadAsync());
        Assert.Equal("octal ten", await Notebook(next, "m:010").ReadAsync());
        Assert.Null(await Notebook(next, "m:gone").ReadAsync());
        await next.StopAsync(Cancel);
    }

    [Fact]
    public async Task State_FirstWrittenByManyAtOnce_ExactlyOneWins()
    {
        await using var database = await NewDatabaseAsync();
        await CatalogMigrations.ApplyAsync(database.Settings, cancellationToken: Cancel);
        using var silo = await StartSiloAsync(database.Settings, "n-one");
        var storage = silo.Services.GetRequiredService<IGrainStorage>();
        var id = GrainId.Create("test.notebook", "m:race");

        var outcomes = await Task.WhenAll(Enumerable.Range(0, 16).Select(number => Task.Run(
            () => Record.ExceptionAsync(() => storage.WriteStateAsync("race", id, new GrainState<Note>(new Note { Text = $"{number}" }))).AsTask(), Cancel)));
        var stored = new GrainState<Note>();
        await storage.ReadStateAsync("race", id, stored);

        Assert.Single(outcomes, outcome => outcome is null);
        Assert.All(outcomes.Where(outcome => outcome is not null), outcome => Assert.IsType<InconsistentStateException>(outcome));
        Assert.Equal("1", stored.ETag);
        await silo.StopAsync(Cancel);
    }

    [Fact]
    public async Task State_WrittenWithAnOldVersion_IsInconsistent()
    {
        await using var database = await NewDatabaseAsync();
        await CatalogMigrations.ApplyAsync(database.Settings, cancellationToken: Cancel);
        using var silo = await StartSiloAsync(database.Settings, "n-one");
        var storage = silo.Services.GetRequiredService<IGrainStorage>();
        var id = GrainId.Create("test.notebook", "m:old");
        var mine = new GrainState<Note>(new Note { Text = "first" });
        await storage.WriteStateAsync("old", id, mine);
        var old = new GrainState<Note>(new Note { Text = "stale" }) { ETag = mine.ETag, RecordExists = true };
        await storage.WriteStateAsync("old", id, mine);

        await Assert.ThrowsAsync<InconsistentStateException>(() => storage.WriteStateAsync("old", id, old));
        await Assert.ThrowsAsync<InconsistentStateException>(() => storage.ClearStateAsync("old", id, old));
        await silo.StopAsync(Cancel);
    }

    [Fact]
    public async Task Reminders_RegisteredReadUnregistered_ThroughTheTable()
    {
        await using var database = await NewDatabaseAsync();
        await CatalogMigrations.ApplyAsync(database.Settings, cancellationToken: Cancel);
        using var silo = await StartSiloAsync(database.Settings, "n-one");
        var notebook = Notebook(silo, "m:reminded");
        var table = silo.Services.GetRequiredService<IReminderTable>();

        await notebook.RemindAsync("wake");
        await notebook.RemindAsync("wake"); // an update of the same row
        var everything = await table.ReadRows(7, 7); // wraps around
        var low = await table.ReadRows(0, 0x80000000);
        var high = await table.ReadRows(0x80000000, 0);
        await notebook.ForgetAsync("wake");
        var nothing = await table.ReadRows(7, 7);

        Assert.Equal("wake", Assert.Single(everything.Reminders).ReminderName);
        Assert.Equal(1, low.Reminders.Count + high.Reminders.Count);
        Assert.Empty(nothing.Reminders);
        await silo.StopAsync(Cancel);
    }

    /// <summary>Only clients and silos with other options send these.</summary>
    [Fact]
    public async Task Queries_OfGatewaysAndClearing_AnswerAsTheProvidersRead()
    {
        await using var database = await NewDatabaseAsync();
        await using var catalog = await CatalogFactory.OpenAsync(database.Settings, cancellationToken: Cancel);
        using var silo = await StartSiloAsync(database.Settings, "n-one");
        await Notebook(silo, "m:1").WriteAsync("kept");
        Task<string> TextAsync(string key) => catalog.ReadAsync(
            session => session.QueryFirstAsync<string>("SELECT QueryText FROM OrleansQuery WHERE QueryKey = @key", new { key }), Cancel)!;
        var (gateways, clear) = (await TextAsync("GatewaysQueryKey"), await TextAsync("ClearStorageKey"));

        var found = await catalog.ReadAsync(
            session => session.QueryAsync<Gateway>(gateways, new { DeploymentId = "c-test", Status = (int)SiloStatus.Active }), Cancel);
        var key = (await catalog.ReadAsync(session => session.QueryFirstAsync<StorageKey>("SELECT * FROM OrleansStorage"), Cancel))!;
        var cleared = await catalog.WriteAsync(session => session.QueryFirstAsync<long>(clear, new
        {
            key.GrainIdHash, key.GrainIdN0, key.GrainIdN1, key.GrainTypeHash, key.GrainTypeString, key.GrainIdExtensionString, key.ServiceId,
            GrainStateVersion = 1,
        }), Cancel);

        Assert.Equal("127.0.0.1", Assert.Single(found).Address);
        Assert.Equal(2, cleared);
        await silo.StopAsync(Cancel);
    }

    private sealed class Gateway
    {
        public string Address { get; set; } = "";
    }

    private sealed class StorageKey
    {
        public int GrainIdHash { get; set; }
        public long GrainIdN0 { get; set; }
        public long GrainIdN1 { get; set; }
        public int GrainTypeHash { get; set; }
        public string GrainTypeString { get; set; } = "";
        public string? GrainIdExtensionString { get; set; }
        public string ServiceId { get; set; } = "";
    }

    private static async Task<long> RowsAsync(TestDatabase database, string sql)
    {
        await using var catalog = await CatalogFactory.OpenAsync(database.Settings, cancellationToken: Cancel);
        return await catalog.ReadAsync(session => session.QueryFirstAsync<long>(sql), Cancel);
    }

    private static INotebookGrain Notebook(IHost silo, string key) => silo.Services.GetRequiredService<IGrainFactory>().GetGrain<INotebookGrain>(key);

    private static async Task<IReadOnlyDictionary<SiloAddress, SiloStatus>> HostsAsync(IHost silo) =>
        await silo.Services.GetRequiredService<IGrainFactory>().GetGrain<IManagementGrain>(0).GetHosts();

    private static Task UntilAsync(Func<Task<bool>> holds) => Poll.UntilAsync(holds, TimeSpan.FromSeconds(60), Cancel);

    private static async Task<IHost> StartSiloAsync(CatalogSettings settings, string name)
    {
        var (invariant, connectionString) = (settings.OrleansInvariant, settings.OrleansConnectionString);
        var builder = Host.CreateEmptyApplicationBuilder(null);
        builder.Logging.SetMinimumLevel(LogLevel.Warning);
        builder.UseOrleans(silo => silo
            .ConfigureEndpoints(IPAddress.Loopback, FreePort(), gatewayPort: FreePort(), listenOnAnyHostAddress: false)
            .Configure<ClusterOptions>(options => (options.ClusterId, options.ServiceId) = ("c-test", "dos"))
            .Configure<SiloOptions>(options => options.SiloName = name)
            .Configure<ClusterMembershipOptions>(options => options.TableRefreshTimeout = TimeSpan.FromSeconds(1))
            .UseAdoNetClustering(options => (options.Invariant, options.ConnectionString) = (invariant, connectionString))
            .UseAdoNetReminderService(options => (options.Invariant, options.ConnectionString) = (invariant, connectionString))
            .AddAdoNetGrainStorageAsDefault(options =>
                (options.Invariant, options.ConnectionString, options.DeleteStateOnClear) = (invariant, connectionString, true)));
        var host = builder.Build();
        await host.StartAsync(Cancel);
        return host;
    }

    private static int FreePort()
    {
        using var listener = new TcpListener(IPAddress.Loopback, 0);
        listener.Start();
        return ((IPEndPoint)listener.LocalEndpoint).Port;
    }
}

public sealed class SqliteOrleansTablesTests : OrleansTablesTests
{
    protected override Task<TestDatabase> NewDatabaseAsync() => Task.FromResult<TestDatabase>(new SqliteTestDatabase());
}

public sealed class PostgresOrleansTablesTests(SharedPostgres shared) : OrleansTablesTests
{
    protected override async Task<TestDatabase> NewDatabaseAsync() => await PostgresTestDatabase.CreateAsync(await shared.ServerAsync());
}

[Alias("dos.test.INotebookGrain")]
public interface INotebookGrain : IGrainWithStringKey
{
    [Alias("Write")] Task WriteAsync(string text);
    [Alias("Read")] Task<string?> ReadAsync();
    [Alias("Clear")] Task ClearAsync();
    [Alias("Remind")] Task RemindAsync(string name);
    [Alias("Forget")] Task ForgetAsync(string name);
}

[GenerateSerializer, Alias("dos.test.Note")]
public sealed class Note
{
    [Id(0)] public string? Text { get; set; }
}

[GrainType("dos.test.notebook")]
public sealed class NotebookGrain([PersistentState("test.notebook")] IPersistentState<Note> note) : Grain, INotebookGrain, IRemindable
{
    public Task WriteAsync(string text)
    {
        note.State.Text = text;
        return note.WriteStateAsync();
    }

    public Task<string?> ReadAsync() => Task.FromResult(note.State.Text);

    public Task ClearAsync() => note.ClearStateAsync();

    public Task RemindAsync(string name) => this.RegisterOrUpdateReminder(name, TimeSpan.FromHours(1), TimeSpan.FromHours(1));

    public async Task ForgetAsync(string name) => await this.UnregisterReminder((await this.GetReminder(name))!);

    public Task ReceiveReminder(string reminderName, TickStatus status) => Task.CompletedTask;
}
