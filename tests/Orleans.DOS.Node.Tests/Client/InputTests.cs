using Orleans.DOS.Node.Tests.Harness;
using Xunit;

namespace Orleans.DOS.Node.Tests.Client;

[Collection(OnSqlite.Name)]
public sealed class InputTests(SqliteNodes three)
{
    /// <summary>Longer than a call may take: a pipe that is full slows its writer down and does not fail it.</summary>
    [Fact]
    public async Task Input_OfAProgramThatDoesNotReadForAWhile_IsWaitedFor()
    {
        await three.HealAsync();
        var processes = (await three.SharedOrleansAsync()).Processes;
        var sleeping = await processes.SpawnAsync(new() { Program = "sleep", Arguments = ["8"], HasStandardInput = true });
        var failure = await Assert.ThrowsAsync<DosException>(() => processes.WriteInputAsync(sleeping.Pid, 0, new byte[1 << 20]));
        Assert.True(failure.Code is DosErrorCode.PipeClosed or DosErrorCode.NotRunning, $"{failure.Code}: {failure.Message}");
    }
}
