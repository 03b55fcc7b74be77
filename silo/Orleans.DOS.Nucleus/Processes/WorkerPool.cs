using System.Collections.Concurrent;
using System.Diagnostics;
using System.Globalization;
using System.Net.Sockets;
using System.Runtime.InteropServices;
using System.Security.Cryptography;
using Microsoft.Extensions.Logging;

namespace Orleans.DOS.Processes;

/// <summary>
/// The node's worker processes: at least one is kept warm, more are started when those there are busy, idle ones beyond it are
/// ended. A worker connects to a Unix socket in a directory that only this user can enter, and proves itself by a secret.
/// </summary>
internal sealed partial class WorkerPool : IAsyncDisposable
{
    /// <summary>An extra worker without work is ended after this time.</summary>
    private static readonly TimeSpan IdleMax = TimeSpan.FromSeconds(30);
    private static readonly TimeSpan StartTimeout = TimeSpan.FromSeconds(20);
    private static readonly TimeSpan AcceptPause = TimeSpan.FromMilliseconds(100);
    /// <summary>A process that was sent SIGKILL ends within milliseconds, unless the host's disk hangs.</summary>
    private static readonly TimeSpan StopTimeout = TimeSpan.FromSeconds(2);
    /// <summary>Bytes of the longest path of a Unix socket on Linux.</summary>
    private const int SocketPathBytesMax = 107;
    /// <summary>Programs in one worker before another one is started for the next: they mostly wait.</summary>
    private const int LoadBeforeNext = 4;

    private readonly ProgramHostOptions _options;
    private readonly IWorkerEvents _events;
    private readonly TimeProvider _time;
    private readonly ILogger _log;
    private readonly Socket _listener;
    private readonly string _socketPath;
    private readonly string? _socketDirectory;
    /// <summary>One directory a worker, for what does not fit in its memory. A killed worker removes nothing: this pool does.</summary>
    private readonly string _scratchRoot;
    private readonly ConcurrentDictionary<long, WorkerConnection> _workers = new();
    private readonly ConcurrentDictionary<long, Starting> _starting = new();
    private readonly CancellationTokenSource _stopping = new();
    private readonly ITimer _retiring;
    private readonly Lock _gate = new();
    private Task<WorkerConnection>? _next;
    private long _lastNumber;

    public WorkerPool(ProgramHostOptions options, string runDirectory, IWorkerEvents events, TimeProvider time, ILogger log)
    {
        (_options, _events, _time, _log) = (options, events, time, log);
        _socketPath = Path.Combine(runDirectory, "workers.sock");
        if (System.Text.Encoding.UTF8.GetByteCount(_socketPath) > SocketPathBytesMax)
        {
            _socketDirectory = Directory.CreateTempSubdirectory("dos-").FullName;
            _socketPath = Path.Combine(_socketDirectory, "workers.sock");
        }
        else
        {
            Directory.CreateDirectory(runDirectory);
            if (!OperatingSystem.IsWindows())
            {
                File.SetUnixFileMode(runDirectory, UnixFileMode.UserRead | UnixFileMode.UserWrite | UnixFileMode.UserExecute);
            }
        }
        _scratchRoot = Path.Combine(runDirectory, "scratch");
        RemoveScratch(_scratchRoot);
        File.Delete(_socketPath);
        _listener = new Socket(AddressFamily.Unix, SocketType.Stream, ProtocolType.Unspecified);
        _listener.Bind(new UnixDomainSocketEndPoint(_socketPath));
        _listener.Listen();
        _ = AcceptAsync();
        _retiring = time.CreateTimer(_ => Retire(), null, IdleMax / 3, IdleMax / 3);
    }

    public IReadOnlyList<WorkerConnection> Workers => [.. _workers.Values];

    /// <summary>A worker with room, the least loaded; already counted as loaded by one more.</summary>
    /// <exception cref="DosException">Unavailable: none could be started.</exception>
    public async Task<WorkerConnection> OccupyAsync()
    {
        while (true)
        {
            var worker = LeastLoaded();
            if (worker is null || (worker.Load >= LoadBeforeNext && _workers.Count < _options.Workers))
            {
                var next = StartNext();
                // Only who has no worker at all waits for the next one.
                worker ??= await next.ConfigureAwait(false);
            }
            if (worker.TryOccupy())
            {
                return worker;
            }
        }
    }

    /// <summary>The same for a task, which fills a core: it prefers a worker of its own.</summary>
    public async Task<WorkerConnection> OccupyAloneAsync()
    {
        while (true)
        {
            var worker = LeastLoaded();
            if (worker is null || (worker.Load > 0 && _workers.Count < _options.Workers))
            {
                worker = await StartNext().ConfigureAwait(false);
            }
            if (worker.TryOccupy())
            {
                return worker;
            }
        }
    }

    /// <summary>Sees to it that one is there.</summary>
    public Task<WorkerConnection> WarmAsync() => LeastLoaded() is { } worker ? Task.FromResult(worker) : StartNext();

    public void Remove(WorkerConnection worker)
    {
        _workers.TryRemove(worker.Number, out _);
        RemoveScratch(ScratchOf(worker.Number));
        if (_workers.IsEmpty && !_stopping.IsCancellationRequested)
        {
            _ = StartNext();
        }
    }

    public async ValueTask DisposeAsync()
    {
        await _stopping.CancelAsync().ConfigureAwait(false);
        await _retiring.DisposeAsync().ConfigureAwait(false);
        _listener.Dispose();
        foreach (var starting in _starting.Values)
        {
            starting.Stop();
        }
        foreach (var worker in _workers.Values)
        {
            worker.Kill();
        }
        foreach (var worker in _workers.Values)
        {
            // Its scratch is removed when it has ended.
            await worker.Ended.WaitAsync(StopTimeout, _time).ConfigureAwait(ConfigureAwaitOptions.SuppressThrowing);
        }
        File.Delete(_socketPath);
        if (_socketDirectory is not null)
        {
            Directory.Delete(_socketDirectory);
        }
    }

    private WorkerConnection? LeastLoaded() => _workers.Values.Where(worker => !worker.IsLost && worker.Load >= 0).MinBy(worker => worker.Load);

    private Task<WorkerConnection> StartNext()
    {
        lock (_gate)
        {
            // One start at a time; who comes meanwhile shares it.
            return _next is { IsCompleted: false } ? _next : _next = StartAsync();
        }
    }

    private async Task<WorkerConnection> StartAsync()
    {
        if (_stopping.IsCancellationRequested)
        {
            throw new DosException(DosErrorCode.Unavailable, "the node is stopping");
        }
        if (!File.Exists(_options.WorkerPath))
        {
            throw new DosException(DosErrorCode.Unavailable, $"the worker '{_options.WorkerPath}' is missing");
        }
        var number = Interlocked.Increment(ref _lastNumber);
        var secret = Convert.ToHexString(RandomNumberGenerator.GetBytes(32));
        var starting = new Starting(secret);
        _starting[number] = starting;
        try
        {
            starting.Process = Process.Start(StartInfo(number, secret)) ?? throw new DosException(DosErrorCode.Unavailable, "no worker could be started");
            _ = starting.FailAtExitAsync();
            var (pipe, hello) = await starting.Connected.Task.WaitAsync(StartTimeout, _time, _stopping.Token).ConfigureAwait(false);
            var worker = new WorkerConnection(number, starting.Process, pipe, hello, _time);
            _workers[number] = worker;
            LogStarted(number, worker.HostProcessId);
            worker.Begin(_events);
            return worker;
        }
        catch (Exception failure) when (failure is TimeoutException or OperationCanceledException or System.ComponentModel.Win32Exception)
        {
            starting.Stop();
            LogNotStarted(failure, number);
            throw new DosException(DosErrorCode.Unavailable, "no worker could be started", failure);
        }
        finally
        {
            _starting.TryRemove(number, out _);
        }
    }

    private ProcessStartInfo StartInfo(long number, string secret)
    {
        var info = new ProcessStartInfo(DotnetPath(), [_options.WorkerPath, _socketPath, number.ToString(CultureInfo.InvariantCulture), ScratchOf(number)])
        {
            UseShellExecute = false,
            WorkingDirectory = "/",
        };
        // Nothing of the node's environment (connection strings, keys) reaches a program.
        info.Environment.Clear();
        info.Environment["DOS_WORKER_SECRET"] = secret;
        info.Environment["DOTNET_EnableDiagnostics"] = "0";
        info.Environment["LANG"] = "C.UTF-8";
        return info;
    }

    private string ScratchOf(long number) => Path.Combine(_scratchRoot, number.ToString(CultureInfo.InvariantCulture));

    private void RemoveScratch(string directory)
    {
        try
        {
            if (Directory.Exists(directory))
            {
                Directory.Delete(directory, recursive: true);
            }
        }
        // It only takes room, until the next start of the node.
        catch (Exception failure) when (failure is IOException or UnauthorizedAccessException)
        {
            LogScratchKept(failure, directory);
        }
    }

    private static string DotnetPath() =>
        Path.GetFullPath(Path.Combine(RuntimeEnvironment.GetRuntimeDirectory(), "..", "..", "..", OperatingSystem.IsWindows() ? "dotnet.exe" : "dotnet"));

    private async Task AcceptAsync()
    {
        while (!_stopping.IsCancellationRequested)
        {
            try
            {
                var socket = await _listener.AcceptAsync(_stopping.Token).ConfigureAwait(false);
                _ = GreetAsync(new WorkerPipe(new NetworkStream(socket, ownsSocket: true)));
            }
            catch (Exception failure) when (failure is OperationCanceledException or ObjectDisposedException)
            {
                return;
            }
            catch (SocketException failure)
            {
                LogAcceptFailed(failure);
                // Out of descriptors, most likely: asking again at once would only take the time of whoever could free some.
                await Task.Delay(AcceptPause).ConfigureAwait(false);
            }
        }
    }

    private async Task GreetAsync(WorkerPipe pipe)
    {
        try
        {
            using var patience = CancellationTokenSource.CreateLinkedTokenSource(_stopping.Token);
            patience.CancelAfter(StartTimeout);
            if (await pipe.ReceiveAsync(patience.Token).ConfigureAwait(false) is { Header.Type: WorkerPipeType.Ready } frame
                && WorkerPipeJson.Parse(frame.Payload, WorkerPipeJson.Default.WorkerHello) is { } hello
                && _starting.TryGetValue(hello.Worker, out var starting)
                && CryptographicOperations.FixedTimeEquals(Convert.FromHexString(starting.Secret), FromHex(hello.Secret))
                && starting.Connected.TrySetResult((pipe, hello)))
            {
                return;
            }
            LogIntruder();
        }
        catch (Exception failure) when (failure is IOException or InvalidDataException or OperationCanceledException or ObjectDisposedException)
        {
            LogGreetFailed(failure);
        }
        pipe.Dispose();
    }

    private static byte[] FromHex(string text)
    {
        try
        {
            return Convert.FromHexString(text);
        }
        catch (FormatException)
        {
            return [];
        }
    }

    private void Retire()
    {
        foreach (var worker in _workers.Values.OrderByDescending(worker => worker.Number))
        {
            if (_workers.Count > 1 && worker.Idle > IdleMax && worker.TryRetire())
            {
                _workers.TryRemove(worker.Number, out _);
            }
        }
    }

    private sealed class Starting(string secret)
    {
        public string Secret => secret;
        public Process? Process { get; set; }
        public TaskCompletionSource<(WorkerPipe, WorkerHello)> Connected { get; } = new(TaskCreationOptions.RunContinuationsAsynchronously);

        public async Task FailAtExitAsync()
        {
            await Process!.WaitForExitAsync().ConfigureAwait(false);
            Connected.TrySetException(new TimeoutException("the worker ended before it was ready"));
        }

        public void Stop()
        {
            try
            {
                Process?.Kill(entireProcessTree: true);
            }
            catch (InvalidOperationException)
            {
                // It has ended by itself.
            }
        }
    }
}
