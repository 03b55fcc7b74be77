using System.Diagnostics;
using System.Globalization;

namespace Orleans.DOS.Cli.Cluster;

/// <summary>
/// Keeps the nodes of one directory on this host. It holds a lock on the directory while it lives (the kernel lets it go with the
/// process, however that ends); the lock's file holds its process id for <c>dos down</c>. Nodes that an earlier supervisor left
/// behind are killed at the start.
/// </summary>
internal sealed class Supervisor : IAsyncDisposable
{
    private readonly FileStream _lock;
    private readonly CancellationTokenSource _stop = new();
    private readonly Task _running;

    private Supervisor(FileStream held, IReadOnlyList<NodeKeeper> keepers)
    {
        _lock = held;
        Keepers = keepers;
        _running = Task.WhenAll(keepers.Select(keeper => keeper.RunAsync(_stop.Token)));
    }

    public IReadOnlyList<NodeKeeper> Keepers { get; }

    /// <exception cref="DosException">InUse: another supervisor keeps this directory.</exception>
    public static Supervisor Start(SupervisorOptions options, Action<string> tell)
    {
        var program = NodeProgram.Find();
        Directory.CreateDirectory(options.Data.NodesPath);
        var held = Lock(options.Data);
        foreach (var left in options.Data.Ready().Where(node => HostProcess.Runs(node.Pid, program)))
        {
            tell($"node {left.Name} was left behind by an earlier supervisor; it is killed");
            HostProcess.Kill(left.Pid);
        }
        var cpus = Math.Max(1, Environment.ProcessorCount / options.Nodes).ToString(CultureInfo.InvariantCulture);
        var keepers = Enumerable.Range(1, options.Nodes).Select(number => "node" + number.ToString(CultureInfo.InvariantCulture)).Select(name =>
        {
            List<string> arguments = ["--data", options.Data.Path, "--name", name, "--cpus", cpus, "--nodes-declared", options.Nodes.ToString(CultureInfo.InvariantCulture)];
            if (options.Postgres is { } postgres)
            {
                arguments.AddRange(["--postgres", postgres]);
            }
            return new NodeKeeper(name, program, arguments, options.Data, tell);
        });
        return new Supervisor(held, [.. keepers]);
    }

    /// <summary>Waits until every node is up.</summary>
    /// <exception cref="DosException">Unavailable after <paramref name="limit"/>; what a node said that can never start.</exception>
    public async Task ReadyAsync(TimeSpan limit, CancellationToken cancellation)
    {
        var began = Stopwatch.GetTimestamp();
        while (!Keepers.All(keeper => DataFolder.ReadyIn(keeper.Directory) is not null))
        {
            if (_running.IsFaulted)
            {
                await _running;
            }
            if (Stopwatch.GetElapsedTime(began) > limit)
            {
                throw new DosException(DosErrorCode.Unavailable, $"the nodes were not up after {limit.TotalSeconds:0} s");
            }
            await Task.Delay(50, cancellation);
        }
    }

    /// <summary>Waits until cancelled.</summary>
    public Task RunAsync(CancellationToken cancellation) => _running.WaitAsync(cancellation);

    /// <summary>Ends the nodes: TERM, after 10 s KILL.</summary>
    public async ValueTask DisposeAsync()
    {
        await _stop.CancelAsync();
        // A node's refusal has been told by ReadyAsync or RunAsync; here only the end counts.
        await ((Task)_running).ConfigureAwait(ConfigureAwaitOptions.SuppressThrowing);
        File.Delete(_lock.Name);
        await _lock.DisposeAsync();
        _stop.Dispose();
    }

    private static FileStream Lock(DataFolder data)
    {
        try
        {
            var held = new FileStream(data.LockPath, FileMode.OpenOrCreate, FileAccess.ReadWrite, FileShare.None);
            held.SetLength(0);
            held.Write(System.Text.Encoding.ASCII.GetBytes(Environment.ProcessId.ToString(CultureInfo.InvariantCulture)));
            held.Flush();
            return held;
        }
        catch (IOException)
        {
            throw new DosException(DosErrorCode.InUse, $"another 'dos up' keeps {data.Path}");
        }
    }
}
