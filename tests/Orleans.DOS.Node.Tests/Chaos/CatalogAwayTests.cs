using System.Diagnostics;
using Orleans.DOS.Catalog;
using Orleans.DOS.Client.Http;
using Orleans.DOS.Files;
using Orleans.DOS.Node.Tests.Harness;
using Orleans.DOS.Nodes;
using Orleans.DOS.Processes;
using Xunit;

namespace Orleans.DOS.Node.Tests.Chaos;

/// <summary>The database goes away for a while and comes back.</summary>
[Collection(RealNodes.Name)]
public sealed class CatalogAwayTests
{
    /// <summary>Longer than the first form of a lease lasts, so that the second is shown to work.</summary>
    private static readonly TimeSpan Away = TimeSpan.FromSeconds(8);
    private static readonly TimeSpan Back = TimeSpan.FromSeconds(20);
    private static readonly TimeSpan OneAnswer = TimeSpan.FromSeconds(6);

    [Fact]
    public async Task OpenFilesAndProcesses_GoOn_TheRestIsUnavailable_AndNobodyIsDeclaredDead()
    {
        Assert.SkipWhen(PostgresServer.Binaries is null, "PostgreSQL is not installed");
        await using var server = await PostgresServer.StartAsync();
        await using var nodes = await TestNodes.StartAsync(3, await server.CreateDatabaseAsync());
        using var machine = HttpMachine.Create(new HttpMachineOptions { Urls = [.. nodes.All.Select(node => new Uri(node.Url))], Token = nodes.Credential });
        var sleeper = await machine.Processes.SpawnAsync(new ProcessSpec { Program = "sleep", Arguments = ["600"] });
        await using var log = await machine.Files.OpenAsync("/log", new FileOpenOptions { Create = true, Durable = true });
        var record = new byte[5000];
        var acknowledged = 1;
        await log.AppendAsync(record);
        // The first append has moved the content out of its row: from now on none needs the catalog.
        await log.AppendAsync(record);
        acknowledged++;

        await server.StopAtOnceAsync();
        var (watch, slowest) = (Stopwatch.StartNew(), TimeSpan.Zero);
        while (watch.Elapsed < Away)
        {
            var began = watch.Elapsed;
            await log.AppendAsync(record);
            acknowledged++;
            Assert.Equal(record.Length, (await log.ReadAsync((acknowledged - 1) * (long)record.Length, record.Length)).Length);
            slowest = watch.Elapsed - began > slowest ? watch.Elapsed - began : slowest;
        }
        Assert.True(slowest < OneAnswer, $"an append and a read took {slowest.TotalSeconds:0.0} s");
        var failure = await Assert.ThrowsAsync<DosException>(() => machine.Files.MakeDirectoryAsync("/new"));
        Assert.True(failure.Code is DosErrorCode.Unavailable or DosErrorCode.OutcomeUnknown, $"{failure.Code}");

        await server.StartAgainAsync();
        await Eventually.TrueAsync("everything answers again", Back, async () =>
        {
            await machine.Files.MakeDirectoryAsync("/new", parents: true);
            return (await machine.Nodes.ListAsync()).All(node => node.State == NodeState.Ready);
        }, () => nodes.Logs);
        Assert.All(nodes.All, node => Assert.False(node.HasExited));
        Assert.Equal(acknowledged * (long)record.Length, (await log.StatAsync()).Size);
        var status = await machine.Processes.StatusAsync(sleeper.Pid);
        Assert.Equal((ProcessState.Running, sleeper.Incarnation), (status.State, status.Incarnation));
    }
}
