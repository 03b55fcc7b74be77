using System.Diagnostics;

namespace Orleans.DOS.Cli.Cluster;

/// <summary>Keeps one node process: starts it again when it exits, kills it when it is silent, ends it at last.</summary>
internal sealed class NodeKeeper(string name, NodeStart start, DataFolder data, Action<string> tell)
{
    private static readonly TimeSpan StableAfter = TimeSpan.FromSeconds(30);
    private static readonly TimeSpan BackoffMin = TimeSpan.FromMilliseconds(200);
    private static readonly TimeSpan BackoffMax = TimeSpan.FromSeconds(10);
    private readonly string _directory = Path.Combine(data.NodesPath, name);
    private volatile int _pid;
    private bool _wasUp;

    public string Name => name;

    /// <summary>Whether the process that runs now has told that it is up.</summary>
    public bool IsUp => _pid is not 0 and var pid && DataFolder.ReadyIn(_directory)?.Pid == pid;

    /// <summary>What the last run that ended by itself said, if it said a reason.</summary>
    public DosError? Said { get; private set; }

    /// <summary>Runs until cancelled (the node has ended then).</summary>
    /// <exception cref="DosException">The node's own sentence: it refuses to start.</exception>
    public async Task RunAsync(CancellationToken stop)
    {
        var backoff = BackoffMin;
        while (!stop.IsCancellationRequested)
        {
            var began = Stopwatch.GetTimestamp();
            var code = await RunOnceAsync(stop);
            if (stop.IsCancellationRequested)
            {
                return;
            }
            // One that has been up is worth trying again, whatever it says: the others go on meanwhile.
            if (!_wasUp && code is (ExitCodes.Usage or ExitCodes.Refused or ExitCodes.Unavailable))
            {
                throw Refusal(code);
            }
            backoff = Stopwatch.GetElapsedTime(began) > StableAfter ? BackoffMin : TimeSpan.FromTicks(Math.Min(backoff.Ticks * 2, BackoffMax.Ticks));
            tell($"node {name} ended with {code}; it starts again in {backoff.TotalSeconds:0.0} s");
            await Task.Delay(backoff, stop).ConfigureAwait(ConfigureAwaitOptions.SuppressThrowing);
        }
    }

    private async Task<int> RunOnceAsync(CancellationToken stop)
    {
        DataFolder.MakePrivate(_directory);
        // What an earlier run left would show a dead process as ready, once the number is used again.
        File.Delete(DataFolder.ReadyPath(_directory));
        using var node = NodeProcess.Start(start, Log, Log);
        _pid = node.Pid;
        using var ended = new CancellationTokenSource();
        var watch = new NodeWatch(name, node.Pid, _directory, tell);
        var watching = watch.RunAsync(ended.Token);
        var code = await node.RunAsync(stop);
        _pid = 0;
        await ended.CancelAsync();
        await watching;
        (_wasUp, Said) = (_wasUp || watch.WasUp, node.Said);
        return code;
    }

    private DosException Refusal(int exitCode) => Said is { } said
        ? new DosException(said with { Message = $"node {name}: {said.Message}" })
        : new DosException(DosErrorCode.Unavailable, $"node {name} ended with {exitCode} and did not say why");

    private void Log(string line) => tell($"{name}: {line}");
}
