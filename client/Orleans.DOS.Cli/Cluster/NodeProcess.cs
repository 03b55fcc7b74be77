using System.Diagnostics;
using System.Text.RegularExpressions;

namespace Orleans.DOS.Cli.Cluster;

/// <summary>One run of the node's executable.</summary>
internal sealed partial class NodeProcess : IDisposable
{
    /// <summary>A node ends within 10 s of TERM.</summary>
    private static readonly TimeSpan StopMax = TimeSpan.FromSeconds(10);
    /// <summary>For the last lines: they come when the pipe closes, which a worker that outlives its node may hold open.</summary>
    private static readonly TimeSpan LastLinesMax = TimeSpan.FromSeconds(1);

    private readonly Process _process;
    private readonly TaskCompletionSource _gone = new(TaskCreationOptions.RunContinuationsAsynchronously);
    private volatile DosError? _said;

    private NodeProcess(NodeStart start, Action<string> output, Action<string> error)
    {
        var info = new ProcessStartInfo(NodeProgram.Find(), start.Arguments) { RedirectStandardOutput = true, RedirectStandardError = true, RedirectStandardInput = true };
        foreach (var (name, value) in start.Environment)
        {
            info.Environment[name] = value;
        }
        _process = new Process { StartInfo = info, EnableRaisingEvents = true };
        _process.Exited += (_, _) => _gone.TrySetResult();
        _process.OutputDataReceived += (_, line) => Hand(line.Data, output);
        _process.ErrorDataReceived += (_, line) =>
        {
            _said = Sentence(line.Data) ?? _said;
            Hand(line.Data, error);
        };
    }

    public int Pid => _process.Id;

    /// <summary>The last sentence with a code that it wrote on standard error: after a refusal, its reason.</summary>
    public DosError? Said => _said;

    public static NodeProcess Start(NodeStart start, Action<string> output, Action<string> error)
    {
        var node = new NodeProcess(start, output, error);
        node._process.Start();
        node._process.BeginOutputReadLine();
        node._process.BeginErrorReadLine();
        return node;
    }

    /// <summary>Waits until it ends; when cancelled, ends it (TERM, after 10 s KILL).</summary>
    /// <returns>Its exit code; 128 and the signal when one ended it.</returns>
    public async Task<int> RunAsync(CancellationToken stop)
    {
        await _gone.Task.WaitAsync(stop).ConfigureAwait(ConfigureAwaitOptions.SuppressThrowing);
        if (!_gone.Task.IsCompleted)
        {
            HostProcess.Terminate(Pid);
            await _gone.Task.WaitAsync(StopMax).ConfigureAwait(ConfigureAwaitOptions.SuppressThrowing);
        }
        if (!_gone.Task.IsCompleted)
        {
            HostProcess.Kill(Pid);
            await _gone.Task;
        }
        using var limit = new CancellationTokenSource(LastLinesMax);
        await _process.WaitForExitAsync(limit.Token).ConfigureAwait(ConfigureAwaitOptions.SuppressThrowing);
        return _process.ExitCode;
    }

    public void Dispose() => _process.Dispose();

    private static void Hand(string? line, Action<string> to)
    {
        if (line is { Length: > 0 })
        {
            to(line);
        }
    }

    /// <summary>Reads <c>dos node: sentence (Code)</c>, with either kind of bracket; null for any other line.</summary>
    public static DosError? Sentence(string? line) =>
        line is not null && SentenceLine().Match(line) is { Success: true } match && Enum.TryParse<DosErrorCode>(match.Groups["code"].Value, out var code)
            ? new DosError(code, match.Groups["sentence"].Value)
            : null;

    [GeneratedRegex(@"^dos node: (?<sentence>.+) [\[(](?<code>[A-Z][A-Za-z]+)[\])]$")]
    private static partial Regex SentenceLine();
}
