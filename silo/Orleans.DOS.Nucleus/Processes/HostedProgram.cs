namespace Orleans.DOS.Processes;

/// <summary>One incarnation on this node, from its start until it is forgotten; it outlives its worker and every grain.</summary>
internal sealed class HostedProgram
{
    private readonly TaskCompletionSource<ProcessExit> _exit = new(TaskCreationOptions.RunContinuationsAsynchronously);
    private readonly TaskCompletionSource<ToldExit> _told = new(TaskCreationOptions.RunContinuationsAsynchronously);
    private readonly CapturedOutput _standardOutput;
    private readonly CapturedOutput _standardError;
    private int _signal;

    public HostedProgram(ProcessStart start, WorkerConnection worker, string outputPath, long outputBytesMax)
    {
        (Start, Worker) = (start, worker);
        _standardOutput = new CapturedOutput(outputPath + ".out", outputBytesMax, start.Incarnation);
        _standardError = new CapturedOutput(outputPath + ".err", outputBytesMax, start.Incarnation);
        var (pid, incarnation) = (start.Pid.Value, start.Incarnation);
        Input = new InputBuffer(
            data => worker.SendAsync(WorkerPipeType.Input, 0, pid, incarnation, data),
            () => worker.SendAsync(WorkerPipeType.CloseInput, 0, pid, incarnation, default),
            isClosed: !start.Spec.HasStandardInput);
    }

    public ProcessStart Start { get; }
    public WorkerConnection Worker { get; }
    public InputBuffer Input { get; }
    public Task<ProcessExit> Exit => _exit.Task;
    /// <summary>Completes when the process table knows of the end.</summary>
    public Task<ToldExit> ToldExit => _told.Task;
    /// <summary>The worker was told to start it: what it is told before, it would not know of.</summary>
    public bool IsStarted { get; set; }
    public bool HasEnded => _exit.Task.IsCompleted;

    public CapturedOutput Output(OutputStream stream) => stream switch
    {
        OutputStream.StandardOutput => _standardOutput,
        OutputStream.StandardError => _standardError,
        _ => throw new DosException(DosErrorCode.InvalidArgument, $"no output stream {(byte)stream}"),
    };

    /// <summary>Bytes of output on the disk.</summary>
    public long OutputKept => _standardOutput.Kept + _standardError.Kept;

    /// <summary>As many of these as its host has counted among the ended.</summary>
    public long CountedBytes { get; set; }

    /// <summary>Remembers the last signal: it names the exit code if the program has to be ended with its worker.</summary>
    public void Signalled(ProcessSignal signal) => Interlocked.Exchange(ref _signal, (int)signal);

    public bool WasSignalled => Volatile.Read(ref _signal) != 0;

    /// <summary>It is the one that its worker had to be ended for.</summary>
    public bool WasKilled => Volatile.Read(ref _signal) == (int)ProcessSignal.Kill;

    /// <returns>False when it had ended before.</returns>
    public bool End(ProcessExit exit)
    {
        Input.Break();
        _standardOutput.Complete();
        _standardError.Complete();
        return _exit.TrySetResult(exit);
    }

    /// <summary>Called once, after the end.</summary>
    public void Told(bool isLast) => _told.TrySetResult(new ToldExit(_exit.Task.Result, isLast));

    public void Forget()
    {
        _standardOutput.Dispose();
        _standardError.Dispose();
    }
}
