using System.Diagnostics;
using System.Text.Json;
using Orleans.DOS.Client.Http;
using Orleans.DOS.Nodes;

namespace Orleans.DOS.Node.Tests.Harness;

/// <summary>Three nodes over SQLite that <c>dos up</c> keeps: what dies or falls silent, it starts again.</summary>
internal sealed class SupervisedNodes : IHurtNodes
{
    private const int Count = 3, TriesAtOnce = 20;
    private static readonly TimeSpan SettledDeadline = TimeSpan.FromSeconds(120), KilledDeadline = TimeSpan.FromSeconds(10), SilentDeadline = TimeSpan.FromSeconds(13);

    private readonly string _root = Path.Combine(Path.GetTempPath(), $"dos-supervised-{Guid.NewGuid():N}");
    private readonly HashSet<int> _frozen = [];

    private SupervisedNodes() => Small = SmallDisk.Mount(DiskOf(Count - 1));

    /// <summary>The disk of the last node; null without the right to have one.</summary>
    public SmallDisk? Small { get; }
    public IReadOnlyList<Uri> Doors { get; private set; } = [];
    public string Credential => System.IO.File.ReadAllText(Path.Combine(Data, "credential")).Trim();
    public string Logs => System.IO.File.ReadAllText(Path.Combine(Data, "supervisor.log"));
    private string Data => Path.Combine(_root, "data");

    public static async Task<SupervisedNodes> StartAsync()
    {
        var nodes = new SupervisedNodes();
        try
        {
            await nodes.DosAsync("up", "--nodes", "3", "-d");
            nodes.Doors = [.. Enumerable.Range(0, Count).Select(node => new Uri(nodes.Told(node)!.Value.Url))];
            return nodes;
        }
        catch
        {
            await nodes.DisposeAsync();
            throw;
        }
    }

    public bool CanFillDisk => Small is not null;

    public string DiskOf(int node) => Path.Combine(DirectoryOf(node), "disk");

    public async Task KillAsync(int node)
    {
        var pid = await PidAsync(node);
        HostProcesses.Signal("KILL", [pid]);
        await Eventually.TrueAsync("it is killed", KilledDeadline, () => Task.FromResult(!HostProcesses.Runs(pid)));
    }

    public void Freeze(int node)
    {
        var pid = Told(node)?.Pid ?? throw new InvalidOperationException($"node{node + 1} is not up");
        _frozen.Add(pid);
        HostProcesses.Signal("STOP", [pid]);
    }

    /// <summary>Stops the node in the middle of a transaction: nobody can write to the catalog until the supervisor, after 10 s, has killed it.</summary>
    public async Task FreezeWritingAsync(int node)
    {
        var pid = 0;
        await Eventually.TrueAsync("it is frozen while it writes", SettledDeadline, () =>
        {
            // A transaction takes a millisecond or two: it needs some tries to meet one.
            for (var attempt = 0; attempt < TriesAtOnce && Told(node)?.Pid is { } running; attempt++)
            {
                HostProcesses.Signal("STOP", [running]);
                if (HoldsWriteLock(running))
                {
                    _frozen.Add(pid = running);
                    return Task.FromResult(true);
                }
                HostProcesses.Signal("CONT", [running]);
            }
            return Task.FromResult(false);
        });
        await Eventually.TrueAsync("the supervisor kills what is silent", SilentDeadline, () => Task.FromResult(!HostProcesses.Runs(pid)), () => Logs);
    }

    public async Task HealAsync()
    {
        Small?.Empty();
        var frozen = _frozen.Where(HostProcesses.Runs).ToList();
        if (frozen.Count > 0)
        {
            HostProcesses.Signal("CONT", frozen);
        }
        _frozen.Clear();
        await Eventually.TrueAsync("all nodes run and see each other", SettledDeadline, async () =>
        {
            for (var node = 0; node < Count; node++)
            {
                if (Told(node) is not { } told || !HostProcesses.Runs(told.Pid))
                {
                    return false;
                }
                using var machine = HttpMachine.Create(new HttpMachineOptions { Urls = [new Uri(told.Url)], Token = Credential });
                if ((await machine.Nodes.ListAsync()).Count(row => row.State == NodeState.Ready) != Count)
                {
                    return false;
                }
            }
            return true;
        }, () => Logs);
    }

    public async ValueTask DisposeAsync()
    {
        if (_frozen.Where(HostProcesses.Runs).ToList() is { Count: > 0 } frozen)
        {
            HostProcesses.Signal("CONT", frozen);
        }
        try
        {
            await DosAsync("down");
        }
        finally
        {
            Small?.Dispose();
            Directory.Delete(_root, recursive: true);
        }
    }

    private string DirectoryOf(int node) => Path.Combine(Data, "nodes", $"node{node + 1}");

    private async Task<int> PidAsync(int node)
    {
        await Eventually.TrueAsync("it is up", SettledDeadline, () => Task.FromResult(Told(node) is { } told && HostProcesses.Runs(told.Pid)), () => Logs);
        return Told(node)!.Value.Pid;
    }

    /// <summary>What the node has told when it was ready; null while it is not.</summary>
    private (int Pid, string Url)? Told(int node)
    {
        try
        {
            using var json = JsonDocument.Parse(System.IO.File.ReadAllText(Path.Combine(DirectoryOf(node), "ready.json")));
            return (json.RootElement.GetProperty("pid").GetInt32(), json.RootElement.GetProperty("url").GetString()!);
        }
        catch (Exception notYet) when (notYet is IOException or JsonException)
        {
            return null;
        }
    }

    /// <summary>SQLite's writer holds byte 120 of the file with the index of the log (https://sqlite.org/walformat.html, section 2.3).</summary>
    private static bool HoldsWriteLock(int pid) => System.IO.File.ReadLines("/proc/locks").Select(line => line.Split(' ', StringSplitOptions.RemoveEmptyEntries))
        .Any(fields => fields.Contains("WRITE") && fields.Contains($"{pid}") && fields is [.., "120", "120"]);

    private async Task DosAsync(params string[] arguments)
    {
        var start = new ProcessStartInfo(RepoLayout.DosExecutable, arguments)
        {
            WorkingDirectory = _root,
            RedirectStandardOutput = true,
            RedirectStandardError = true,
            Environment =
            {
                ["DOS_DATA"] = Data, ["DOS_NODE"] = RepoLayout.NodeExecutable,
                // Not the contexts of whoever runs the tests.
                ["XDG_CONFIG_HOME"] = Path.Combine(_root, ".config"), ["XDG_DATA_HOME"] = Path.Combine(_root, ".share"),
            },
        };
        using var dos = Process.Start(start)!;
        var told = await Task.WhenAll(dos.StandardOutput.ReadToEndAsync(), dos.StandardError.ReadToEndAsync());
        await dos.WaitForExitAsync();
        if (dos.ExitCode != 0)
        {
            throw new InvalidOperationException($"dos {string.Join(' ', arguments)} ended with {dos.ExitCode}: {string.Concat(told)}");
        }
    }
}
