using Orleans.DOS.Catalog;
using Orleans.DOS.Grains.Tests.Processes;
using Orleans.DOS.Jobs;
using Orleans.DOS.Processes;
using Orleans.DOS.Security;
using Xunit;

namespace Orleans.DOS.Grains.Tests.Jobs;

/// <summary>What a node does with the tasks of jobs, apart from running them.</summary>
public sealed class HostedTasksTests : IAsyncLifetime
{
    private static readonly JobId Job = new(7);
    private readonly ProgramHostFixture _fixture = new();

    public ValueTask InitializeAsync() => default;
    public ValueTask DisposeAsync() => _fixture.DisposeAsync();

    [Fact]
    public async Task Start_ThatACancelHasOvertaken_IsStale_AndANewerCoordinatorsIsNot()
    {
        await _fixture.Host.CancelTasksAsync(Job, 5);
        Assert.Equal(DosErrorCode.Stale, await CodeAsync(Start(5)));
        Assert.Equal(DosErrorCode.Stale, await CodeAsync(Start(4)));
        Assert.Equal(0, _fixture.Host.Tasks);
        await _fixture.Host.StartTasksAsync([Start(6)]);
        Assert.Equal("UnknownProgram", (await ReportAsync(6)).Error!.Split(':')[0]);
    }

    [Fact]
    public async Task Start_OfATaskTooLargeForTheWorkersPipe_IsInvalid_AndHoldsNoSlot()
    {
        var large = Start(1) with { Inputs = [.. Enumerable.Range(0, 100_000).Select(input => new TaskInput($"/{new string('x', 200)}/{input}", 0, 1))] };
        Assert.Equal(DosErrorCode.InvalidArgument, await CodeAsync(large));
        Assert.Equal(0, _fixture.Host.Tasks);
    }

    [Theory]
    [InlineData(true)]
    [InlineData(false)]
    public async Task WorkerKilled_WithANeighbourInIt_IsToldApartFromAWorkerOfItsOwn(bool hasNeighbour)
    {
        if (hasNeighbour)
        {
            await _fixture.StartAsync(new ProcessSpec { Program = "sleep", Arguments = ["600"] });
        }
        await _fixture.Host.StartTasksAsync([Start(1) with { Program = "wordcount" }]);
        Assert.Single(_fixture.Host.HostProcessIds);
        using (var worker = System.Diagnostics.Process.GetProcessById(_fixture.Host.HostProcessIds[0]))
        {
            worker.Kill();
        }
        var report = await ReportAsync(1);
        Assert.Equal(("WorkerLost", hasNeighbour), (report.Error, report.IsWorkerLost));
    }

    [Fact]
    public void Keys_OfManyAttempts_DoNotMeet() =>
        Assert.NotEqual((Start(1) with { Task = 1, Attempt = 1 }).Key, (Start(1) with { Task = 0, Attempt = 1001 }).Key);

    private async Task<TaskReport> ReportAsync(long epoch)
    {
        IReadOnlyList<TaskReport> reports = [];
        await Poll.UntilAsync(async () => (reports = await _fixture.Host.CollectTasksAsync(Job, epoch, [], true)).Count > 0, ProgramHostFixture.Patience);
        return reports[0];
    }

    private async Task<DosErrorCode> CodeAsync(TaskStart start) => (await Assert.ThrowsAsync<DosException>(() => _fixture.Host.StartTasksAsync([start]))).Code;

    private static TaskStart Start(long epoch) => new()
    {
        Machine = MachineId.Main, MachineName = "main", Job = Job, CoordinatorEpoch = epoch, Task = 0, Attempt = 1, Kind = TaskKind.Map,
        Program = "nothing", Inputs = [new TaskInput("/in", 0, 1)], Output = "/out", Principal = Principal.Admin,
    };
}
