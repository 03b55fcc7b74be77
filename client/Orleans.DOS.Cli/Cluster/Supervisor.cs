using System.Diagnostics;
using System.Globalization;

namespace Orleans.DOS.Cli.Cluster;

/// <summary>
/// Keeps the nodes of one directory on this host, under a lock while it lives. Nodes that an earlier supervisor left behind are
/// killed first. Start, ReadyAsync, RunAsync, DisposeAsync.
/// </summary>
internal sealed class Supervisor : IAsyncDisposable
{
    private static readonly TimeSpan ReadyMax = TimeSpan.FromSeconds(60);

    private readonly SupervisorLock _lock;
    private readonly CancellationTokenSource _stop = new();
    private readonly IReadOnlyList<NodeKeeper> _keepers;
    private readonly Task[] _running;
    private readonly Task _firstFailure;

    private Supervisor(SupervisorLock held, IReadOnlyList<NodeKeeper> keepers)
    {
        (_lock, _keepers) = (held, keepers);
        _running = [.. keepers.Select(keeper => keeper.RunAsync(_stop.Token))];
        _firstFailure = FirstFailureAsync();
    }

    /// <exception cref="DosException">InUse: another supervisor keeps this directory.</exception>
    public static async Task<Supervisor> StartAsync(SupervisorOptions options, Action<string> tell, CancellationToken cancellation)
    {
        tell = EvenIfFull(tell);
        DataFolder.MakePrivate(options.Data.NodesPath);
        var held = SupervisorLock.Take(options.Data);
        try
        {
            await Leftovers.KillAsync(options.Data, tell, cancellation);
            var cpus = Math.Max(1, Environment.ProcessorCount / options.Nodes);
            return new Supervisor(held, [.. Enumerable.Range(1, options.Nodes)
                .Select(number => "node" + number.ToString(CultureInfo.InvariantCulture))
                .Select(name => new NodeKeeper(name, NodeStart.Of(options.Data, name, cpus, options.Nodes, options.Each).Supervised(), options.Data, tell))]);
        }
        catch
        {
            held.Dispose();
            throw;
        }
    }

    /// <summary>What is told goes into a log, whose disk may be the one that is full: a line is lost then, and not the supervisor.</summary>
    private static Action<string> EvenIfFull(Action<string> tell) => line =>
    {
        try
        {
            tell(line);
        }
        catch (IOException)
        {
            // There is nowhere else to tell it.
        }
    };

    /// <summary>Waits until every node is up.</summary>
    /// <exception cref="DosException">Unavailable after 60 s; what a node said that refuses to start.</exception>
    public async Task ReadyAsync(CancellationToken cancellation)
    {
        var began = Stopwatch.GetTimestamp();
        while (_keepers.Where(keeper => !keeper.IsUp).ToList() is { Count: > 0 } missing)
        {
            if (_firstFailure.IsCompleted)
            {
                await _firstFailure;
            }
            if (Stopwatch.GetElapsedTime(began) > ReadyMax)
            {
                var said = missing.Select(keeper => keeper.Said).FirstOrDefault(said => said is not null);
                throw new DosException(DosErrorCode.Unavailable,
                    $"{string.Join(", ", missing.Select(keeper => keeper.Name))} not up after {ReadyMax.TotalSeconds:0} s{(said is null ? "" : $": {said.Message} ({said.Code})")}");
            }
            await Task.Delay(50, cancellation);
        }
        _lock.Ready();
    }

    /// <summary>Waits until cancelled.</summary>
    public Task RunAsync(CancellationToken cancellation) => _firstFailure.WaitAsync(cancellation);

    /// <summary>Ends the nodes: TERM, after 10 s KILL.</summary>
    public async ValueTask DisposeAsync()
    {
        await _stop.CancelAsync();
        // A node's refusal has been told by ReadyAsync or RunAsync; here only the end counts.
        await Task.WhenAll(_running).ConfigureAwait(ConfigureAwaitOptions.SuppressThrowing);
        _lock.Dispose();
        _stop.Dispose();
    }

    /// <summary>Fails as soon as one keeper fails; the others are still running then.</summary>
    private async Task FirstFailureAsync()
    {
        await foreach (var ended in Task.WhenEach(_running))
        {
            await ended;
        }
    }
}
