using System.Text;
using Orleans.DOS.Processes;

namespace Orleans.DOS.Tests.Http;

/// <summary>Programs echo, cat and sleep, as far as standard input, output and signals go. A spawn is recognised by its request id.</summary>
internal sealed class DoubleProcesses : IProcesses
{
    private readonly Lock _gate = new();
    private readonly Dictionary<ProcessId, Running> _table = [];
    private readonly Dictionary<RequestId, ProcessId> _spawned = [];
    private readonly RequestId? _request;

    public DoubleProcesses()
    {
    }

    private DoubleProcesses(DoubleProcesses all, RequestId? request) =>
        (_gate, _table, _spawned, _request) = (all._gate, all._table, all._spawned, request);

    /// <summary>As many as the kernel allows.</summary>
    private const int Restarts = 10;

    public int Spawned => _table.Count;

    /// <summary>The same table for one call under an id.</summary>
    public DoubleProcesses Under(RequestId? request) => new(this, request);

    private sealed class Running
    {
        public required ProcessStatus Status;
        public byte[] Output = [];
        public readonly TaskCompletionSource Ended = new(TaskCreationOptions.RunContinuationsAsynchronously);
    }

    public Task<ProcessStatus> SpawnAsync(ProcessSpec spec, CancellationToken cancellationToken = default)
    {
        lock (_gate)
        {
            if (spec.Program is not ("echo" or "cat" or "sleep"))
            {
                throw new DosException(DosErrorCode.UnknownProgram, $"there is no program '{spec.Program}'");
            }
            if (_request is { } repeat && _spawned.TryGetValue(repeat, out var known))
            {
                return Task.FromResult(_table[known].Status);
            }
            var process = new Running
            {
                Status = new ProcessStatus { Pid = new ProcessId(_table.Count + 1), Program = spec.Program, Arguments = spec.Arguments, State = ProcessState.Running, Owner = "admin", Incarnation = 1 },
            };
            _table.Add(process.Status.Pid, process);
            if (_request is { } request)
            {
                _spawned.Add(request, process.Status.Pid);
            }
            if (spec.Program == "echo")
            {
                // Started again at once as often as it may be; each start writes the same.
                var restarts = spec.Restart == RestartPolicy.Always ? Restarts : 0;
                process.Status = process.Status with { Incarnation = 1 + restarts, Restarts = restarts };
                process.Output = Encoding.UTF8.GetBytes(string.Join(' ', spec.Arguments) + "\n");
                End(process, 0);
            }
            return Task.FromResult(process.Status);
        }
    }

    public Task<ProcessStatus> StatusAsync(ProcessId pid, CancellationToken cancellationToken = default) => Task.FromResult(Find(pid).Status);

    public Task<Page<ProcessStatus>> ListAsync(bool all = false, string? after = null, int limit = Limits.PageEntriesMax, CancellationToken cancellationToken = default)
    {
        lock (_gate)
        {
            return Task.FromResult(new Page<ProcessStatus>([.. _table.Values.Select(static process => process.Status).Where(status => all || !status.HasEnded)], null));
        }
    }

    public async Task<ProcessStatus> WaitAsync(ProcessId pid, CancellationToken cancellationToken = default)
    {
        var process = Find(pid);
        await process.Ended.Task.WaitAsync(cancellationToken);
        return process.Status;
    }

    public Task SignalAsync(ProcessId pid, ProcessSignal signal, CancellationToken cancellationToken = default)
    {
        lock (_gate)
        {
            End(Find(pid), 128 + (int)signal);
            return Task.CompletedTask;
        }
    }

    public Task WriteInputAsync(ProcessId pid, long position, ReadOnlyMemory<byte> data, CancellationToken cancellationToken = default)
    {
        lock (_gate)
        {
            var process = Find(pid);
            var known = (int)(process.Output.Length - position);
            process.Output = [.. process.Output, .. data.Span[known..]];
            return Task.CompletedTask;
        }
    }

    public Task CloseInputAsync(ProcessId pid, CancellationToken cancellationToken = default)
    {
        lock (_gate)
        {
            End(Find(pid), 0);
            return Task.CompletedTask;
        }
    }

    public async Task<OutputChunk> ReadOutputAsync(
        ProcessId pid, OutputStream stream, long position, bool wait = false, long incarnation = 0, CancellationToken cancellationToken = default)
    {
        var process = Find(pid);
        if (wait && position >= process.Output.Length)
        {
            await process.Ended.Task.WaitAsync(cancellationToken);
        }
        lock (_gate)
        {
            // In halves, so that a reader has to come again.
            var rest = stream == OutputStream.StandardOutput ? process.Output[(int)position..] : [];
            var piece = rest[..((rest.Length + 1) / 2)];
            return new OutputChunk(position, piece, process.Status.HasEnded && piece.Length == rest.Length, incarnation == 0 ? process.Status.Incarnation : incarnation);
        }
    }

    private Running Find(ProcessId pid)
    {
        lock (_gate)
        {
            return _table.GetValueOrDefault(pid) ?? throw new DosException(DosErrorCode.NoSuchProcess, $"there is no process {pid}");
        }
    }

    private static void End(Running process, int code)
    {
        process.Status = process.Status with { State = ProcessState.Exited, ExitCode = code };
        process.Ended.TrySetResult();
    }
}
