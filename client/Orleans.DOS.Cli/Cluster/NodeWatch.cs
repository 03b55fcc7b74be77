using System.Diagnostics;

namespace Orleans.DOS.Cli.Cluster;

/// <summary>
/// Watches one run of a node and kills it when it is silent for 10 s: a frozen process can hold a lock of SQLite for ever. Silent is
/// one that is up and does not answer, or that is not yet up and frozen. One that takes 60 s without coming up is killed too: it may
/// wait long for its database, and will then say so by itself.
/// </summary>
internal sealed class NodeWatch(string name, int pid, string directory, Action<string> tell)
{
    private static readonly TimeSpan StartMax = TimeSpan.FromSeconds(60);
    private static readonly TimeSpan SilenceMax = TimeSpan.FromSeconds(10);
    private static readonly TimeSpan Period = TimeSpan.FromSeconds(1);
    private static readonly TimeSpan AnswerMax = TimeSpan.FromSeconds(2);

    // Kept from its announcement on: a node that begins to stop takes that back, and must not escape by it if it then hangs.
    private Uri? _url;

    public bool WasUp => _url is not null;

    /// <summary>Runs until the node has ended.</summary>
    public async Task RunAsync(CancellationToken ended)
    {
        using var http = new HttpClient { Timeout = AnswerMax };
        var began = Stopwatch.GetTimestamp();
        var heard = began;
        while (await WaitAsync(ended))
        {
            if (_url is not null ? await AnswersAsync(http, _url, ended) : Announced() || !HostProcess.IsFrozen(pid))
            {
                heard = Stopwatch.GetTimestamp();
            }
            if (Verdict(Stopwatch.GetElapsedTime(began), Stopwatch.GetElapsedTime(heard)) is { } verdict && !ended.IsCancellationRequested)
            {
                tell($"node {name} {verdict}; it is killed");
                HostProcess.Kill(pid);
                return;
            }
        }
        // One that ended within the first period may have been up all the same.
        Announced();
    }

    private string? Verdict(TimeSpan running, TimeSpan silent) =>
        silent > SilenceMax ? $"has been silent for {SilenceMax.TotalSeconds:0} s"
        : !WasUp && running > StartMax ? $"is not up after {StartMax.TotalSeconds:0} s"
        : null;

    private bool Announced()
    {
        _url ??= DataFolder.ReadyIn(directory) is { } ready && ready.Pid == pid ? ready.Url : null;
        return WasUp;
    }

    private static async Task<bool> WaitAsync(CancellationToken ended)
    {
        await Task.Delay(Period, ended).ConfigureAwait(ConfigureAwaitOptions.SuppressThrowing);
        return !ended.IsCancellationRequested;
    }

    private static async Task<bool> AnswersAsync(HttpClient http, Uri url, CancellationToken ended)
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
}
