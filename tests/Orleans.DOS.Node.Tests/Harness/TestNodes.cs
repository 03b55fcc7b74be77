using System.Globalization;
using System.Text.Json;

namespace Orleans.DOS.Node.Tests.Harness;

/// <summary>Some nodes of one cluster: real processes over one data directory. Disposing ends them all and removes the directory.</summary>
public sealed class TestNodes : IAsyncDisposable
{
    /// <summary>Generous: the host may be busy with other tests.</summary>
    public static readonly TimeSpan StartDeadline = TimeSpan.FromSeconds(60);

    private static readonly TimeSpan SettledDeadline = TimeSpan.FromSeconds(120);

    private readonly List<TestNode> _nodes = [];
    private readonly List<string> _arguments;

    /// <summary>None yet; see <see cref="Add"/>.</summary>
    /// <param name="count">Nodes that the cluster is meant to have.</param>
    public TestNodes(int count, string? postgres = null)
    {
        _arguments = ["--nodes-declared", count.ToString(CultureInfo.InvariantCulture), .. postgres is null ? Array.Empty<string>() : ["--postgres", postgres]];
    }

    public string Data { get; } = Path.Combine(Path.GetTempPath(), $"dos-test-{Guid.NewGuid():N}");
    public IReadOnlyList<TestNode> All => _nodes;
    public TestNode this[int index] => _nodes[index];
    public string Credential => System.IO.File.ReadAllText(Path.Combine(Data, "credential")).Trim();
    public string Logs => string.Join("\n", _nodes.Select(node => node.Log));

    /// <summary>Starts the nodes n1, n2, ... together and waits until each sees all.</summary>
    /// <param name="postgres">Connection string; null: SQLite.</param>
    public static async Task<TestNodes> StartAsync(int count, string? postgres = null)
    {
        var nodes = new TestNodes(count, postgres);
        try
        {
            for (var number = 1; number <= count; number++)
            {
                nodes.Add($"n{number}").Start();
            }
            await nodes.ReadyAsync();
            return nodes;
        }
        catch
        {
            await nodes.DisposeAsync();
            throw;
        }
    }

    /// <summary>A further node, not started yet.</summary>
    public TestNode Add(string name, params string[] arguments)
    {
        var node = new TestNode(name, Data, [.. _arguments, .. arguments]);
        _nodes.Add(node);
        return node;
    }

    /// <summary>Waits until every running node is ready and each shows all of them as Ready.</summary>
    public async Task ReadyAsync()
    {
        var running = _nodes.Where(node => !node.HasExited).ToList();
        await Task.WhenAll(running.Select(node => node.ReadyAsync(StartDeadline)));
        foreach (var node in running)
        {
            await Eventually.TrueAsync($"{node.Name} sees {running.Count} nodes", StartDeadline,
                async () => (await StatesAsync(node)).Count(state => state.Value == "ready") == running.Count, () => Logs);
        }
    }

    /// <summary>
    /// Starts what has ended, and waits until all of them see all: also a node that ends only now, since it hears late that the others
    /// had declared it dead, is started again.
    /// </summary>
    public Task SettledAsync() => Eventually.TrueAsync("all nodes run and see each other", SettledDeadline, async () =>
    {
        foreach (var node in _nodes)
        {
            if (node.HasExited)
            {
                node.Start();
            }
            if (!await node.IsReadyAsync())
            {
                return false;
            }
        }
        foreach (var node in _nodes)
        {
            if ((await StatesAsync(node)).Count(state => state.Value == "ready") != _nodes.Count)
            {
                return false;
            }
        }
        return true;
    }, () => Logs);

    /// <summary>The node table as one node shows it: node id to state, in lower case.</summary>
    public static async Task<IReadOnlyDictionary<string, string>> StatesAsync(TestNode through)
    {
        using var table = JsonDocument.Parse(await through.Http.GetStringAsync("/v1/nodes"));
        var rows = table.RootElement.ValueKind == JsonValueKind.Array ? table.RootElement : table.RootElement.GetProperty("items");
        return rows.EnumerateArray().ToDictionary(row => row.GetProperty("id").GetString()!, row => row.GetProperty("state").GetString()!.ToLowerInvariant());
    }

    public async ValueTask DisposeAsync()
    {
        foreach (var node in _nodes)
        {
            await node.DisposeAsync();
        }
        if (Directory.Exists(Data))
        {
            Directory.Delete(Data, recursive: true);
        }
    }
}
