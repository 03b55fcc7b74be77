using System.Collections.Concurrent;
using System.Diagnostics;
using System.Net.Http.Headers;
using System.Text.Json;

namespace Orleans.DOS.Node.Tests.Harness;

/// <summary>One node: a real process, started again under the same name as often as a test likes.</summary>
public sealed class TestNode(string name, string data, IReadOnlyList<string> arguments) : IAsyncDisposable
{
    private const int LogLinesMax = 400;

    private readonly ConcurrentQueue<string> _log = [];
    private Process? _process;
    private HttpClient? _http;

    public string Name => name;

    /// <summary>Added to the environment of the process.</summary>
    public Dictionary<string, string> Environment { get; } = [];

    /// <summary>The administrator's token; null: the one that the node made.</summary>
    public string? Token { get; init; }
    public string ReadyPath => Path.Combine(data, "nodes", name, "ready.json");
    public string DiskPath => Path.Combine(data, "nodes", name, "disk");
    public int Pid => Running.Id;
    public bool HasExited => _process?.HasExited ?? true;
    public string NodeId { get; private set; } = "";
    public string Url { get; private set; } = "";
    public string Gateway { get; private set; } = "";
    public string Silo { get; private set; } = "";
    public string Log => $"--- {name}\n{string.Join('\n', _log)}";

    /// <summary>Talks to this node with the administrator's credential.</summary>
    public HttpClient Http => _http ?? throw new InvalidOperationException($"{name} is not ready");

    private Process Running => _process ?? throw new InvalidOperationException($"{name} was not started");

    public void Start()
    {
        _process?.Dispose();
        _http?.Dispose();
        _http = null;
        if (System.IO.File.Exists(ReadyPath))
        {
            System.IO.File.Delete(ReadyPath);
        }
        var start = new ProcessStartInfo(RepoLayout.NodeExecutable, ["--data", data, "--name", name, .. arguments])
        {
            RedirectStandardOutput = true,
            RedirectStandardError = true,
            WorkingDirectory = Path.GetTempPath(),
        };
        foreach (var (variable, value) in Environment)
        {
            start.Environment[variable] = value;
        }
        _process = Process.Start(start)!;
        _process.OutputDataReceived += Keep;
        _process.ErrorDataReceived += Keep;
        _process.BeginOutputReadLine();
        _process.BeginErrorReadLine();
    }

    /// <summary>Waits until the node says that it is ready, and reads where it is.</summary>
    public Task ReadyAsync(TimeSpan deadline) => Eventually.TrueAsync($"{name} is ready", deadline,
        async () => HasExited ? throw new InvalidOperationException($"{name} ended with {Running.ExitCode}\n{Log}") : await IsReadyAsync(), () => Log);

    /// <summary>Whether the node says that it is ready; then it is known where it is.</summary>
    public async Task<bool> IsReadyAsync()
    {
        if (_http is not null)
        {
            return true;
        }
        if (!System.IO.File.Exists(ReadyPath))
        {
            return false;
        }
        using var ready = JsonDocument.Parse(await System.IO.File.ReadAllBytesAsync(ReadyPath));
        string Text(string property) => ready.RootElement.GetProperty(property).GetString()!;
        (NodeId, Url, Gateway, Silo) = (Text("nodeId"), Text("url"), Text("gateway"), Text("silo"));
        _http = new HttpClient { BaseAddress = new Uri(Url), Timeout = TimeSpan.FromSeconds(10) };
        var token = Token ?? await System.IO.File.ReadAllTextAsync(Path.Combine(data, "credential"));
        _http.DefaultRequestHeaders.Authorization = new AuthenticationHeaderValue("Bearer", token.Trim());
        return true;
    }

    public void Kill() => Signal("KILL");
    public void Stop() => Signal("STOP");
    public void Continue() => Signal("CONT");
    public void Terminate() => Signal("TERM");

    /// <summary>Waits for the end of the process and answers its exit code.</summary>
    public async Task<int> ExitAsync(TimeSpan deadline)
    {
        await Eventually.TrueAsync($"{name} has ended", deadline, () => Task.FromResult(HasExited), () => Log);
        await Running.WaitForExitAsync();
        return Running.ExitCode;
    }

    public async ValueTask DisposeAsync()
    {
        _http?.Dispose();
        if (_process is { HasExited: false })
        {
            // SIGKILL ends a stopped process too.
            _process.Kill(entireProcessTree: true);
            await _process.WaitForExitAsync();
        }
        _process?.Dispose();
        _process = null;
    }

    private void Signal(string signal)
    {
        using var kill = Process.Start("/bin/kill", [$"-{signal}", Running.Id.ToString(System.Globalization.CultureInfo.InvariantCulture)]);
        kill.WaitForExit();
    }

    private void Keep(object sender, DataReceivedEventArgs line)
    {
        if (line.Data is not null)
        {
            _log.Enqueue(line.Data);
            while (_log.Count > LogLinesMax)
            {
                _log.TryDequeue(out _);
            }
        }
    }
}
