using System.Diagnostics;
using System.Text.Json;

namespace Orleans.DOS.Benchmarks.Nodes;

/// <summary>Real node processes on this host over a PostgreSQL of their own (fsync on), as a user would run them.</summary>
public sealed class RealNodes : IAsyncDisposable
{
    private static readonly TimeSpan StartDeadline = TimeSpan.FromSeconds(60);
    private readonly string _directory = Directory.CreateTempSubdirectory("dos-bench-nodes-").FullName;
    private readonly List<Process> _nodes = [];
    private readonly List<StreamWriter> _logs = [];

    public string Credential { get; private set; } = "";
    public IReadOnlyList<string> Urls { get; private set; } = [];
    public IReadOnlyList<int> HostProcesses => [.. _nodes.Select(node => node.Id)];

    public static async Task<RealNodes> StartAsync(string connectionString, int count, int cpusEach)
    {
        var nodes = new RealNodes();
        for (var number = 1; number <= count; number++)
        {
            nodes.Spawn($"node{number}", connectionString, count, cpusEach);
        }
        var urls = new List<string>();
        for (var number = 1; number <= count; number++)
        {
            urls.Add(await nodes.ReadyAsync($"node{number}"));
        }
        nodes.Urls = urls;
        nodes.Credential = (await File.ReadAllTextAsync(Path.Combine(nodes._directory, "credential"))).Trim();
        return nodes;
    }

    /// <summary>Resident bytes of one node process, without its workers.</summary>
    public static long ResidentBytes(int hostProcess)
    {
        using var process = Process.GetProcessById(hostProcess);
        return process.WorkingSet64;
    }

    /// <summary>Begins anew to watch for the peak of the nodes' resident memory.</summary>
    public void ForgetPeaks()
    {
        foreach (var node in _nodes)
        {
            // proc(5): 5 sets the peak to what is resident now.
            File.WriteAllText($"/proc/{node.Id}/clear_refs", "5");
        }
    }

    /// <summary>The largest resident bytes that a node had since <see cref="ForgetPeaks"/>, without its workers.</summary>
    public long PeakBytes() => _nodes.Max(node =>
    {
        var line = File.ReadLines($"/proc/{node.Id}/status").First(text => text.StartsWith("VmHWM:", StringComparison.Ordinal));
        return long.Parse(line.AsSpan("VmHWM:".Length).TrimEnd("kB").Trim(), System.Globalization.CultureInfo.InvariantCulture) * 1024;
    });

    private void Spawn(string name, string connectionString, int declared, int cpus)
    {
        var start = new ProcessStartInfo(Executable()) { RedirectStandardOutput = true, RedirectStandardError = true };
        foreach (var argument in new object[] { "--data", _directory, "--name", name, "--nodes-declared", declared, "--cpus", cpus, "--postgres", connectionString })
        {
            start.ArgumentList.Add(argument.ToString()!);
        }
        var log = new StreamWriter(Path.Combine(_directory, name + ".log")) { AutoFlush = true };
        _logs.Add(log);
        var process = Process.Start(start)!;
        DataReceivedEventHandler write = (_, line) => { lock (log) { log.WriteLine(line.Data); } };
        process.OutputDataReceived += write;
        process.ErrorDataReceived += write;
        process.BeginOutputReadLine();
        process.BeginErrorReadLine();
        _nodes.Add(process);
    }

    private async Task<string> ReadyAsync(string name)
    {
        var path = Path.Combine(_directory, "nodes", name, "ready.json");
        var deadline = Stopwatch.StartNew();
        while (!File.Exists(path))
        {
            if (deadline.Elapsed > StartDeadline || _nodes.Any(node => node.HasExited))
            {
                throw new InvalidOperationException($"{name} did not start:\n" + await File.ReadAllTextAsync(Path.Combine(_directory, name + ".log")));
            }
            await Task.Delay(100); // tidy: polls another process, with a deadline
        }
        using var ready = JsonDocument.Parse(await File.ReadAllBytesAsync(path));
        return ready.RootElement.GetProperty("url").GetString()!;
    }

    private static string Executable()
    {
        for (var directory = new DirectoryInfo(AppContext.BaseDirectory); directory is not null; directory = directory.Parent)
        {
            var path = Path.Combine(directory.FullName, "silo/Orleans.DOS.Node/bin/Release/net10.0/Orleans.DOS.Node");
            if (File.Exists(path))
            {
                return path;
            }
        }
        throw new InvalidOperationException("build silo/Orleans.DOS.Node in Release first");
    }

    public async ValueTask DisposeAsync()
    {
        foreach (var node in _nodes)
        {
            node.Kill(entireProcessTree: true);
            await node.WaitForExitAsync();
            node.Dispose();
        }
        foreach (var log in _logs)
        {
            await log.DisposeAsync();
        }
        Directory.Delete(_directory, recursive: true);
    }
}
