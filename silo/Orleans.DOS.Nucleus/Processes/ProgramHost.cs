using System.Collections.Concurrent;
using System.Text;
using System.Text.Json;
using Microsoft.Extensions.Logging;
using Orleans.DOS.Jobs;

namespace Orleans.DOS.Processes;

/// <summary>
/// Runs programs and tasks of this node in worker processes; no program text ever runs in the node itself.
/// Layers: <see cref="WorkerPool"/> keeps processes, <see cref="WorkerConnection"/> one pipe, <see cref="HostedProgram"/> one
/// incarnation with its <see cref="InputBuffer"/> and <see cref="CapturedOutput"/>, <see cref="HostedTasks"/> the tasks of jobs.
/// A typical life: StartAsync, WaitExitAsync again and again, ReadOutputAsync, ForgetAsync. An incarnation ends when its program
/// says so (Exited), or with its worker: then what was killed has ended by the signal and its neighbours are WorkerLost.
/// </summary>
public sealed partial class ProgramHost : IWorkerProcesses, IProgramManifest, IAsyncDisposable
{
    private readonly ProgramHostOptions _options;
    private readonly WorkerEndpoint _endpoint;
    private readonly IProcessCredentials _credentials;
    private readonly TimeProvider _time;
    private readonly ILogger<ProgramHost> _log;
    private readonly WorkerPool _pool;
    private readonly HostedTasks _tasks;
    private readonly ConcurrentDictionary<(long Pid, long Incarnation), HostedProgram> _programs = new();
    private readonly ConcurrentDictionary<(long Pid, long Incarnation), Task> _starting = new();
    /// <summary>Whose end was told, oldest first; guards <see cref="_endedBytes"/>, the output that they keep.</summary>
    private readonly Queue<HostedProgram> _ended = new();
    private long _endedBytes;
    private int _running;
    private volatile bool _isLeaving;

    public ProgramHost(ProgramHostOptions options, WorkerEndpoint endpoint, IProcessCredentials credentials, TimeProvider time, ILogger<ProgramHost> log)
    {
        (_options, _endpoint, _credentials, _time, _log) = (options, endpoint, credentials, time, log);
        if (Directory.Exists(options.OutputDirectory))
        {
            Directory.Delete(options.OutputDirectory, recursive: true);
        }
        Directory.CreateDirectory(options.OutputDirectory);
        _pool = new WorkerPool(options, endpoint.RunDirectory, new Events(this), time, log);
        _tasks = new HostedTasks(_pool, options.Slots, options.TerminationGrace, time, Door);
    }

    /// <summary>Raised at the end of an incarnation, on any thread; whoever listens tells the process' door.</summary>
    public event Action<ProcessStart, ProcessExit>? Ended;

    public IReadOnlyList<int> HostProcessIds => [.. _pool.Workers.Select(worker => worker.HostProcessId)];
    public int Processes => Volatile.Read(ref _running);
    public int Tasks => _tasks.Running;

    /// <summary>
    /// The node is about to go: nothing is begun here any more, and a program that now fails without having been asked to end has met the
    /// node's end and not its own.
    /// </summary>
    public void Leave() => _isLeaving = true;

    /// <summary>Starts the first worker, so that the first program does not wait for it.</summary>
    /// <exception cref="DosException">Unavailable: no worker can be started.</exception>
    public Task WarmAsync() => _pool.WarmAsync();

    public async Task<bool> KnowsAsync(string program) => (await _pool.WarmAsync()).Hello.Programs.Contains(program);

    /// <inheritdoc cref="IProgramHostService.StartAsync"/>
    public async Task StartAsync(ProcessStart start)
    {
        var key = (start.Pid.Value, start.Incarnation);
        // Two calls that meet (a repeat before the first is answered) share one start.
        var first = new TaskCompletionSource(TaskCreationOptions.RunContinuationsAsynchronously);
        var starting = _starting.GetOrAdd(key, first.Task);
        if (starting != first.Task)
        {
            await starting;
            return;
        }
        try
        {
            if (!_programs.ContainsKey(key))
            {
                await StartNewAsync(key, start);
            }
            first.SetResult();
        }
        catch (Exception failure)
        {
            first.SetException(failure);
            // Nobody else may be waiting; the caller gets it below.
            _ = first.Task.Exception;
            throw;
        }
        finally
        {
            _starting.TryRemove(key, out _);
        }
    }

    /// <inheritdoc cref="IProgramHostService.SignalAsync"/>
    public async Task SignalAsync(ProcessId pid, long incarnation, ProcessSignal signal)
    {
        var program = FindStarted(pid, incarnation);
        if (program.HasEnded)
        {
            throw new DosException(DosErrorCode.NotRunning, $"process {pid} has ended");
        }
        switch (signal)
        {
            case ProcessSignal.Interrupt or ProcessSignal.Terminate:
                await SendSignalAsync(program, signal);
                _ = KillUnlessEndedAsync(program, _options.TerminationGrace);
                break;
            case ProcessSignal.Kill:
                await KillAsync(program);
                break;
            case ProcessSignal.Stop or ProcessSignal.Continue:
                throw new DosException(DosErrorCode.NotSupported, $"process {pid} shares its worker with others and cannot be stopped alone");
            default:
                throw new DosException(DosErrorCode.InvalidArgument, $"no signal {(short)signal}");
        }
    }

    /// <inheritdoc cref="IProgramHostService.WriteInputAsync"/>
    public Task<long> WriteInputAsync(ProcessId pid, long incarnation, long position, byte[] data) =>
        FindStarted(pid, incarnation).Input.WriteAsync(position, data, Limits.LongPollMax);

    public Task CloseInputAsync(ProcessId pid, long incarnation) => FindStarted(pid, incarnation).Input.CloseAsync();

    /// <inheritdoc cref="IProgramHostService.ReadOutputAsync"/>
    public Task<OutputChunk> ReadOutputAsync(ProcessId pid, long incarnation, OutputStream stream, long position, bool wait) =>
        Find(pid, incarnation).Output(stream).ReadAsync(position, wait ? Limits.LongPollMax : TimeSpan.Zero);

    /// <summary>Drops what is known of an ended incarnation; a running one stays.</summary>
    public void Forget(ProcessId pid, long incarnation)
    {
        if (_programs.TryGetValue((pid.Value, incarnation), out var program) && program.HasEnded && _programs.TryRemove((pid.Value, incarnation), out _))
        {
            program.Forget();
            lock (_ended)
            {
                _endedBytes -= program.CountedBytes;
            }
        }
    }

    public Task StartTasksAsync(IReadOnlyList<TaskStart> tasks)
    {
        RequireStaying();
        return _tasks.StartAsync(tasks);
    }

    public Task DropTasksAsync(JobId job, long epoch, IReadOnlyList<long> keys) => _tasks.DropAsync(job, epoch, keys);
    public Task CancelTasksAsync(JobId job, long epoch) => _tasks.CancelAsync(job, epoch);
    public Task<IReadOnlyList<TaskReport>> CollectTasksAsync(JobId job, long epoch, IReadOnlyList<long> acknowledged, bool wait) =>
        _tasks.CollectAsync(job, epoch, acknowledged, wait);

    public ValueTask DisposeAsync() => _pool.DisposeAsync();

    private async Task StartNewAsync((long Pid, long Incarnation) key, ProcessStart start)
    {
        RequireStaying();
        CheckSize(start.Spec);
        if (Interlocked.Increment(ref _running) > _options.ProcessesMax)
        {
            Interlocked.Decrement(ref _running);
            throw new DosException(DosErrorCode.LimitExceeded, $"this node runs {_options.ProcessesMax} processes already");
        }
        WorkerConnection? worker = null;
        HostedProgram? program = null;
        try
        {
            worker = await _pool.OccupyAsync();
            if (!worker.Hello.Programs.Contains(start.Spec.Program))
            {
                throw new DosException(DosErrorCode.UnknownProgram, $"there is no program '{start.Spec.Program}'");
            }
            program = new HostedProgram(start, worker, Path.Combine(_options.OutputDirectory, $"{key.Pid}.{key.Incarnation}"), _options.CapturedOutputBytesMax);
            _programs[key] = program;
            await worker.SendAsync(WorkerPipeType.Start, 0, key.Pid, key.Incarnation, JsonSerializer.SerializeToUtf8Bytes(
                new WorkerStart
                {
                    Program = start.Spec.Program,
                    Arguments = start.Spec.Arguments,
                    Environment = start.Spec.Environment,
                    WorkingDirectory = start.Spec.WorkingDirectory,
                    Door = new WorkerDoor(_endpoint.ApiSocketPath, _credentials.Issue(start.Machine, start.Pid, start.Incarnation, start.Principal), start.MachineName),
                    HasNoInput = !start.Spec.HasStandardInput,
                }, WorkerPipeJson.Default.WorkerStart));
            program.IsStarted = true;
            // The worker may have gone before the program was in the table, where its end was looked for.
            if (worker.IsLost)
            {
                End(program, Failed(program));
            }
        }
        catch (Exception) when (program is null || _programs.TryRemove(new(key, program)))
        {
            // Nothing was started: the caller may try another node. (A program whose worker died was ended already, or ends below.)
            if (program is null || program.End(new ProcessExit(1, "NotStarted", _time.GetUtcNow())))
            {
                Interlocked.Decrement(ref _running);
                worker?.Vacate();
            }
            program?.Forget();
            throw;
        }
    }

    private static void CheckSize(ProcessSpec spec)
    {
        var bytes = spec.Arguments.Sum(Encoding.UTF8.GetByteCount) + spec.Environment.Sum(pair => Encoding.UTF8.GetByteCount(pair.Key) + Encoding.UTF8.GetByteCount(pair.Value));
        if (bytes > Limits.ProcessArgumentBytesMax)
        {
            throw new DosException(DosErrorCode.LimitExceeded, $"arguments and environment have {bytes} bytes; the bound is {Limits.ProcessArgumentBytesMax}");
        }
    }

    private WorkerDoor Door(TaskStart task) =>
        new(_endpoint.ApiSocketPath, _credentials.IssueTask(task.Machine, task.Job, task.CoordinatorEpoch, task.Principal), task.MachineName);

    private static Task SendSignalAsync(HostedProgram program, ProcessSignal signal)
    {
        program.Signalled(signal);
        return program.Worker.SendAsync(WorkerPipeType.Signal, (byte)signal, program.Start.Pid.Value, program.Start.Incarnation, default);
    }

    private async Task KillUnlessEndedAsync(HostedProgram program, TimeSpan grace)
    {
        await ((Task)program.Exit).WaitAsync(grace, _time).ConfigureAwait(ConfigureAwaitOptions.SuppressThrowing);
        if (!program.HasEnded)
        {
            try
            {
                await KillAsync(program);
            }
            catch (DosException failure) when (failure.Code == DosErrorCode.Unavailable)
            {
                // The worker is gone, and the program with it.
            }
        }
    }

    /// <summary>Breaks the program's streams first, so that its neighbours live; only one that goes on takes its worker along.</summary>
    private async Task KillAsync(HostedProgram program)
    {
        await SendSignalAsync(program, ProcessSignal.Kill);
        await ((Task)program.Exit).WaitAsync(_options.KillGrace, _time).ConfigureAwait(ConfigureAwaitOptions.SuppressThrowing);
        if (!program.HasEnded)
        {
            LogKilled(program.Start.Pid, program.Worker.Number, program.Worker.Load - 1);
            program.Worker.Kill();
        }
    }

    /// <summary>A full disk costs the program its output, never its worker: the neighbours there have done nothing.</summary>
    private void Keep(HostedProgram program, OutputStream stream, ReadOnlySpan<byte> data)
    {
        try
        {
            program.Output(stream).Append(data);
        }
        catch (Exception failure) when (failure is IOException or UnauthorizedAccessException)
        {
            if (program.Output(stream).Drop())
            {
                LogOutputLost(failure, program.Start.Pid, stream);
            }
        }
    }

    private void RequireStaying()
    {
        if (_isLeaving)
        {
            throw new DosException(DosErrorCode.Unavailable, "this node is leaving");
        }
    }

    private HostedProgram FindStarted(ProcessId pid, long incarnation) => Find(pid, incarnation) is { IsStarted: true } program
        ? program
        : throw new DosException(DosErrorCode.NoSuchProcess, $"incarnation {incarnation} of process {pid} is just being started");

    private HostedProgram Find(ProcessId pid, long incarnation) =>
        _programs.TryGetValue((pid.Value, incarnation), out var program)
            ? program
            : throw new DosException(DosErrorCode.NoSuchProcess, $"incarnation {incarnation} of process {pid} is not on this node");

    private ProcessExit Failed(HostedProgram program) => program.WasKilled
        ? new ProcessExit(128 + (int)ProcessSignal.Kill, null, _time.GetUtcNow())
        : new ProcessExit(1, "WorkerLost", _time.GetUtcNow());

    private string? ReasonOf(HostedProgram program, int code) =>
        _isLeaving && code != 0 && !program.WasSignalled ? ProcessLifecycle.NodeLost : null;

    private void End(HostedProgram program, ProcessExit exit)
    {
        if (!program.End(exit))
        {
            return;
        }
        Interlocked.Decrement(ref _running);
        program.Worker.Vacate();
        Ended?.Invoke(program.Start, exit);
    }

    /// <summary>
    /// The end is in the table. Only now may it be forgotten to make room: what the table calls running and this node does not know
    /// would be started again.
    /// </summary>
    /// <param name="isLast">See <see cref="ToldExit"/>.</param>
    public void Told(ProcessStart start, bool isLast)
    {
        if (!_programs.TryGetValue((start.Pid.Value, start.Incarnation), out var told))
        {
            return;
        }
        told.Told(isLast);
        lock (_ended)
        {
            _ended.Enqueue(told);
            _endedBytes += told.CountedBytes = told.OutputKept;
            // The one told last stays, whatever its size: somebody is about to read it.
            while (_ended.Count > 1 && (_ended.Count > _options.EndedMax || _endedBytes > _options.EndedOutputBytesMax))
            {
                var oldest = _ended.Dequeue().Start;
                Forget(oldest.Pid, oldest.Incarnation);
            }
        }
    }

    /// <summary>What workers say; apart from the public face of the host.</summary>
    private sealed class Events(ProgramHost host) : IWorkerEvents
    {
        public async Task ReceivedAsync(WorkerConnection worker, WorkerPipeFrame frame)
        {
            var header = frame.Header;
            if (header.Type == WorkerPipeType.TaskDone)
            {
                host._tasks.Done(worker, header.First, WorkerPipeJson.Parse(frame.Payload, TaskPipeJson.Default.IReadOnlyListTaskReport));
                return;
            }
            if (!host._programs.TryGetValue((header.First, header.Second), out var program) || program.Worker != worker)
            {
                return;
            }
            switch (header.Type)
            {
                case WorkerPipeType.Output:
                    host.Keep(program, (OutputStream)header.Lane, frame.Payload.Span);
                    // Only now may it write as much again: what a program is ahead of the disk is bounded.
                    await worker.GrantOutputAsync(header.Lane, header.First, header.Second, header.Length);
                    break;
                case WorkerPipeType.InputCredit:
                    await program.Input.GrantAsync(frame.Number);
                    break;
                case WorkerPipeType.Exited:
                    host.End(program, new ProcessExit(frame.Number, host.ReasonOf(program, frame.Number), host._time.GetUtcNow()));
                    break;
                default:
                    throw new InvalidDataException($"{header.Type} from a worker");
            }
        }

        public void Lost(WorkerConnection worker)
        {
            host._pool.Remove(worker);
            host._tasks.Lost(worker);
            foreach (var program in host._programs.Values.Where(program => program.Worker == worker && !program.HasEnded))
            {
                host.End(program, host.Failed(program));
            }
        }
    }
}
