using Orleans.DOS.Catalog;
using Orleans.DOS.Processes;
using Xunit;
using static Orleans.DOS.Grains.Tests.Processes.NodesInProcess;

namespace Orleans.DOS.Grains.Tests.Processes;

public abstract partial class ProcessGrainTests
{
    [Fact]
    public async Task Sweep_OfMoreProcessesThanAPageHolds_ForgetsAllPastTheirRetention_AndNoOthers()
    {
        const long first = 5_000_000_000;
        const int old = 1_001;
        var now = DateTimeOffset.UtcNow;
        var young = new ProcessId(first + old);
        await nodes.Catalog.WriteAsync(async session =>
        {
            for (var pid = first; pid <= young.Value; pid++)
            {
                var ended = CatalogTime.From(now - Limits.ExitedProcessRetention + TimeSpan.FromMinutes(pid == young.Value ? 5 : -5));
                await session.InsertAsync(new ProcessRecord
                {
                    Pid = pid, MachineId = 1, Incarnation = 1, State = (long)ProcessState.Exited, Program = "true", Spec = "{}"u8.ToArray(), Owner = "admin", CreatedAt = ended, EndedAt = ended,
                });
            }
            return true;
        });
        // One of the two leads, and a new one sweeps in its first round.
        await nodes.NewWarden(0, nodes.Catalog).RoundAsync();
        await nodes.NewWarden(1, nodes.Catalog).RoundAsync();
        Assert.Equal([young.Value], await nodes.Catalog.ReadAsync(session => session.QueryAsync<long>("SELECT pid FROM dos_processes WHERE pid >= @first", new { first })));
        await nodes.Catalog.WriteAsync(session => session.ExecuteAsync("DELETE FROM dos_processes WHERE pid >= @first", new { first }));
    }

    [Fact]
    public async Task Sweep_OfChangesPastTheirRetention_LeavesTheYoung()
    {
        const int old = 1_500;
        var now = DateTimeOffset.UtcNow;
        await nodes.Catalog.WriteAsync(async session =>
        {
            for (var id = -1L; id >= -old - 1; id--)
            {
                var at = CatalogTime.From(now - Limits.ChangeRetention + TimeSpan.FromMinutes(id == -old - 1 ? 5 : -5));
                await session.ExecuteAsync(
                    "INSERT INTO dos_changes(change_id, machine_id, parent_id, name, inode_id, kind, at) VALUES (@id, 1, 1, 'swept', 0, 1, @at)", new { id, at });
            }
            return true;
        });
        for (var round = 0; round < 2; round++)
        {
            await nodes.NewWarden(0, nodes.Catalog).RoundAsync();
            await nodes.NewWarden(1, nodes.Catalog).RoundAsync();
        }
        Assert.Equal([-old - 1L], await nodes.Catalog.ReadAsync(session => session.QueryAsync<long>("SELECT change_id FROM dos_changes WHERE name = 'swept'")));
        await nodes.Catalog.WriteAsync(session => session.ExecuteAsync("DELETE FROM dos_changes WHERE name = 'swept'"));
    }

    [Fact]
    public async Task WardenWithNothingToDo_ReadsTheCatalogOnce()
    {
        var status = await nodes.Table.SpawnAsync(Call(), Forever);
        var catalog = new CountingCatalog(nodes.Catalog);
        var warden = nodes.NewWarden(0, catalog);
        // The first round also looks for old rows, once a minute.
        await warden.RoundAsync();
        var before = catalog.Reads;
        await warden.RoundAsync();
        Assert.Equal(1, catalog.Reads - before);
        await nodes.Machine.Processes.SignalAsync(status.Pid, ProcessSignal.Kill);
    }
}
