using System.Diagnostics;
using System.Globalization;
using System.Text.RegularExpressions;

namespace Orleans.DOS.Cli.Cluster;

/// <summary>Starts <c>dos up</c> in the background, in a session of its own, and waits until it is ready or has failed.</summary>
internal static partial class DetachedSupervisor
{
    /// <exception cref="DosException">What the supervisor said when it ended.</exception>
    public static async Task StartAsync(SupervisorOptions options, CancellationToken cancellation)
    {
        DataFolder.MakePrivate(options.Data.Path);
        var logged = File.Exists(options.Data.LogPath) ? new FileInfo(options.Data.LogPath).Length : 0;
        using var launched = Process.Start(Launch(options))!;
        try
        {
            while (SupervisorLock.Find(options.Data) is not { Ready: true } found || found.Process.Pid != launched.Id)
            {
                if (launched.HasExited)
                {
                    throw Said(options.Data, logged, launched.ExitCode);
                }
                await Task.Delay(50, cancellation);
            }
        }
        catch (OperationCanceledException)
        {
            HostProcess.Terminate(launched.Id);
            throw;
        }
    }

    private static ProcessStartInfo Launch(SupervisorOptions options)
    {
        // setsid: the terminal's Ctrl-C must not reach it. The shell gives it a file in place of our standard streams. Both hand their
        // process on (exec), so that the process that we started is the supervisor itself, and its end is seen at once.
        var start = new ProcessStartInfo("setsid",
        [
            "sh", "-c", "umask 077; exec \"$0\" \"$@\" >>\"$DOS_LOG\" 2>&1 </dev/null", Environment.ProcessPath!,
            "up", "--data", options.Data.Path, "--nodes", options.Nodes.ToString(CultureInfo.InvariantCulture), .. options.Each.ToArguments(),
        ]);
        start.Environment["DOS_LOG"] = options.Data.LogPath;
        if (options.Each.Postgres is { } postgres)
        {
            start.Environment[NodeStart.PostgresVariable] = postgres;
        }
        return start;
    }

    /// <summary>The sentence that it wrote last, from where its log began.</summary>
    private static DosException Said(DataFolder data, long logged, int exitCode)
    {
        using var log = new StreamReader(new FileStream(data.LogPath, FileMode.Open, FileAccess.Read, FileShare.ReadWrite));
        log.BaseStream.Seek(logged, SeekOrigin.Begin);
        // Another 'dos up' of this directory may write beside it; the exit code tells whose sentence it is.
        return SentenceLine().Matches(log.ReadToEnd())
            .Select(match => Enum.TryParse<DosErrorCode>(match.Groups["code"].Value, out var code) && ExitCodes.Of(code) == exitCode
                ? new DosException(code, match.Groups["sentence"].Value)
                : null)
            .LastOrDefault(said => said is not null)
            ?? new DosException(DosErrorCode.Unavailable, $"the supervisor ended with {exitCode}; {data.LogPath} tells more");
    }

    [GeneratedRegex(@"^dos: (?<sentence>.+) \[(?<code>[A-Z][A-Za-z]+)\]$", RegexOptions.Multiline)]
    private static partial Regex SentenceLine();
}
