using System.Diagnostics;

namespace Orleans.DOS.Cli.Cluster;

/// <summary>Keeps one node process: starts it again when it exits, kills it when it is silent, ends it at last.</summary>
internal sealed class NodeKeeper(string name, string program, IReadOnlyList<string> arguments, DataFolder data, Action<string> tell)
{
    private static readonly TimeSpan SilenceMax = TimeSpan.FromSeconds(10);
    private static readonly TimeSpan StopMax = TimeSpan.FromSeconds(10);
    private static readonly TimeSpan StableAfter = TimeSpan.FromSeconds(30);
    private static readonly TimeSpan BackoffMax = TimeSpan.FromSeconds(10);
    /// <summary>Exit code by which a node says that starting again will not help.</summary>
    private const int Refused = 3;
    private const int UsageRefused = 2;

    public string Name => name;
    public string Directory { get; } = Path.Combine(data.NodesPath, name);

    /// <summary>Runs until cancelled (the node has ended then), or until the node says that it can never start.</summary>
    public async Task RunAsync(CancellationToken stop)
    {
        var backoff = TimeSpan.FromMilliseconds(200);
        while (!stop.IsCancellationRequested)
        {
            var began = Stopwatch.GetTimestamp();
            var code = await RunOnceAsync(stop);
            if (stop.IsCancellationRequested)
            {
                return;
            }
            if (code is Refused or UsageRefused)
            {
                throw new DosException(code == Refused ? DosErrorCode.InUse : DosErrorCode.InvalidArgument, $"node {name} cannot start; it said why above");
            }
            backoff = Stopwatch.GetElapsedTime(began) > StableAfter ? TimeSpan.FromMilliseconds(200) : TimeSpan.FromTicks(Math.Min(backoff.Ticks * 2, BackoffMax.Ticks));
            tell($"node {name} ended with {code}; it starts again in {backoff.TotalSeconds:0.0} s");
            await Task.Delay(backoff, stop).ConfigureAwait(ConfigureAwaitOptions.SuppressThrowing);
        }
    }

    private async Task<int> RunOnceAsync(CancellationToken stop)
    {
        // What an earlier start left would show a dead process as ready.
        System.IO.Directory.CreateDirectory(Directory);
        File.Delete(Path.Combine(Directory, "ready.json"));
        using var process = new Process { StartInfo = new ProcessStartInfo(program, arguments) { RedirectStandardOutput = true, RedirectStandardError = true, RedirectStandardInput = true } };
        process.OutputDataReceived += (_, line) => Log(line.Data);
        process.ErrorDataReceived += (_, line) => Log(line.Data);
        process.Start();
        process.BeginOutputReadLine();
        process.BeginErrorReadLine();
        using var ended = new CancellationTokenSource();
        var watch = WatchAsync(process.Id, ended.Token);
        try
        {
            await process.WaitForExitAsync(stop);
        }
        catch (OperationCanceledException)
        {
            await EndAsync(process);
        }
        await ended.CancelAsync();
        await watch;
        return process.ExitCode;
    }

    private static async Task EndAsync(Process process)
    {
        HostProcess.Terminate(process.Id);
        using var limit = new CancellationTokenSource(StopMax);
        try
        {
            await process.WaitForExitAsync(limit.Token);
        }
        catch (OperationCanceledException)
        {
            HostProcess.Kill(process.Id);
            await process.WaitForExitAsync(CancellationToken.None);
        }
    }

    /// <summary>A frozen node can hold a lock of SQLite for ever, so one that has been up and is silent is killed.</summary>
    private async Task WatchAsync(int pid, CancellationToken ended)
    {
        using var http = new HttpClient { Timeout = TimeSpan.FromSeconds(2) };
        var heard = Stopwatch.GetTimestamp();
        while (!ended.IsCancellationRequested)
        {
            await Task.Delay(TimeSpan.FromSeconds(1), ended).ConfigureAwait(ConfigureAwaitOptions.SuppressThrowing);
            if (ended.IsCancellationRequested)
            {
                return;
            }
            var ready = DataFolder.ReadyIn(Directory);
            if (ready is null || ready.Pid != pid || await IsAliveAsync(http, ready.Url, ended))
            {
                heard = Stopwatch.GetTimestamp();
            }
            else if (Stopwatch.GetElapsedTime(heard) > SilenceMax)
            {
                tell($"node {name} has been silent for {SilenceMax.TotalSeconds:0} s; it is killed");
                HostProcess.Kill(pid);
                return;
            }
        }
    }

    private static async Task<bool> IsAliveAsync(HttpClient http, Uri url, CancellationToken ended)
    {
        try
        {
            using var answer = await http.GetAsync(new Uri(url, "/health/live"), ended);
            return answer.IsSuccessStatusCode;
        }
        catch (Exception silent) when (silent is HttpRequestException or OperationCanceledException)
        {
            return false;
        }
    }

    private void Log(string? line)
    {
        if (line is { Length: > 0 })
        {
            tell($"{name}: {line}");
        }
    }
}
