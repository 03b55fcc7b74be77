using System.Text.Json;
using Orleans.DOS.Catalog;

namespace Orleans.DOS.Scenarios.Harness;

/// <summary>A cluster of a test's own in a directory of its own, with what a test must know to hurt it. Nothing of it outlives the test.</summary>
public sealed class OwnNodes : IAsyncDisposable
{
    /// <summary>A start on a busy host, or 10 s of silence and a start.</summary>
    public static readonly TimeSpan ComeBackMax = TimeSpan.FromSeconds(60);

    private readonly string _root = Path.Combine(Path.GetTempPath(), $"dos-own-{Guid.NewGuid():N}");

    public OwnNodes()
    {
        Data = Path.Combine(_root, "data");
        Shell = new Shell(Directory.CreateDirectory(_root).FullName, Data);
    }

    public string Data { get; }
    public Shell Shell { get; }
    public string Log => File.Exists(Path.Combine(Data, "supervisor.log")) ? File.ReadAllText(Path.Combine(Data, "supervisor.log")) : "";

    /// <summary>Runs a command that must succeed; its output.</summary>
    public async Task<IReadOnlyList<string>> SucceedAsync(string command)
    {
        var answer = await Shell.RunAsync(command, TestContext.Current.CancellationToken);
        Assert.True(answer.ExitCode == 0, $"{command}\n{string.Join('\n', answer.Lines)}\n? {answer.ExitCode}\n{Log}");
        return answer.Lines;
    }

    /// <summary>Runs a command that must fail with one sentence: one line, with the code, no stack trace.</summary>
    public async Task RefuseAsync(string command, int exitCode, string code, string sentence = "<...>")
    {
        var answer = await Shell.RunAsync(command, TestContext.Current.CancellationToken);
        Assert.True(answer.ExitCode == exitCode && new Pattern().Matches([$"dos: {sentence} [{code}]"], answer.Lines),
            $"{command}\nexpected: {sentence} [{code}] ? {exitCode}\nactual:\n{string.Join('\n', answer.Lines)}\n? {answer.ExitCode}");
    }

    /// <summary>What a node that is up has told; null while it is not.</summary>
    public Announced? Up(string name)
    {
        try
        {
            using var json = JsonDocument.Parse(File.ReadAllText(Path.Combine(Data, "nodes", name, "ready.json")));
            return new Announced(json.RootElement.GetProperty("pid").GetInt32(), json.RootElement.GetProperty("url").GetString()!);
        }
        catch (Exception notYet) when (notYet is IOException or JsonException)
        {
            return null;
        }
    }

    /// <summary>Waits until the node is up as another process than <paramref name="before"/>.</summary>
    public async Task<Announced> UpAgainAsync(string name, int before)
    {
        await Poll.UntilAsync(() => Task.FromResult(Up(name) is { } now && now.Pid != before), ComeBackMax, TestContext.Current.CancellationToken);
        return Up(name)!;
    }

    /// <summary>Number of the process that keeps the directory.</summary>
    public int Supervisor => int.Parse(File.ReadAllText(Path.Combine(Data, "supervisor")).Split(' ')[0], System.Globalization.CultureInfo.InvariantCulture);

    public async ValueTask DisposeAsync()
    {
        if (File.Exists(Path.Combine(Data, "supervisor")))
        {
            await Shell.RunAsync("dos down", CancellationToken.None);
        }
        foreach (var pid in HostProcesses.Naming(_root))
        {
            HostProcesses.Kill(pid);
        }
        await Poll.UntilAsync(() => Task.FromResult(HostProcesses.Naming(_root).Count == 0), ComeBackMax);
        Directory.Delete(_root, recursive: true);
    }

    public sealed record Announced(int Pid, string Url);
}
