namespace Orleans.DOS.Scenarios.Harness;

/// <summary>Three nodes for all sessions, started and ended as a user does it.</summary>
[CollectionDefinition(ScenarioCluster.Name)]
public sealed class OnScenarioCluster : ICollectionFixture<ScenarioCluster>;

/// <inheritdoc cref="OnScenarioCluster"/>
public sealed class ScenarioCluster : IAsyncLifetime
{
    public const string Name = "scenario cluster";
    private static readonly TimeSpan ReadyMax = TimeSpan.FromSeconds(60);
    private readonly string _root = Path.Combine(Path.GetTempPath(), $"dos-scenarios-{Guid.NewGuid():N}");

    private string Data => Path.Combine(_root, "data");

    /// <summary>A shell in a local directory of its own.</summary>
    public Shell Shell(string name) => new(Directory.CreateDirectory(Path.Combine(_root, name)).FullName, Data);

    public async ValueTask InitializeAsync()
    {
        var shell = Shell("cluster");
        await SucceedAsync(shell, "dos up --nodes 3 -d --label zone=a");
        var until = DateTime.UtcNow + ReadyMax;
        while (!(await SucceedAsync(shell, "dos status")).Contains("nodes     3 ready of 3"))
        {
            Assert.True(DateTime.UtcNow < until, $"three nodes were not ready after {ReadyMax.TotalSeconds:0} s");
            await Task.Delay(TimeSpan.FromMilliseconds(200)); // tidy: polls another process, with a deadline
        }
    }

    public async ValueTask DisposeAsync()
    {
        try
        {
            await SucceedAsync(Shell("cluster"), "dos down");
        }
        finally
        {
            Directory.Delete(_root, recursive: true);
        }
    }

    private static async Task<IReadOnlyList<string>> SucceedAsync(Shell shell, string command)
    {
        var answer = await shell.RunAsync(command, TestContext.Current.CancellationToken);
        Assert.True(answer.ExitCode == 0, $"{command}\n{string.Join('\n', answer.Lines)}\n? {answer.ExitCode}");
        return answer.Lines;
    }
}
