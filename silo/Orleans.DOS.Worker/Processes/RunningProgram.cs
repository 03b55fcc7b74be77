using System.Text;
using Orleans.DOS.Machines;

namespace Orleans.DOS.Processes;

/// <summary>One incarnation in this worker: its thread, its streams and its end.</summary>
internal sealed class RunningProgram : IProgramContext, IDisposable
{
    private readonly WorkerPipe _pipe;
    private readonly WorkerStart _start;
    private readonly Action<RunningProgram> _ended;
    private readonly CancellationTokenSource _terminating = new();
    private readonly CancellationTokenSource _killed = new();
    private readonly ProgramOutput _standardOutput;
    private readonly ProgramOutput _standardError;
    private readonly Lazy<MachineDoor> _machine;
    private volatile int _signal;

    public RunningProgram(WorkerPipe pipe, ProcessId pid, long incarnation, WorkerStart start, Action<RunningProgram> ended)
    {
        (_pipe, Pid, Incarnation, _start, _ended) = (pipe, pid, incarnation, start, ended);
        Input = new ProgramInput(pipe, pid.Value, incarnation, _killed.Token);
        _standardOutput = new ProgramOutput(pipe, pid.Value, incarnation, OutputStream.StandardOutput, _killed.Token);
        _standardError = new ProgramOutput(pipe, pid.Value, incarnation, OutputStream.StandardError, _killed.Token);
        _machine = new Lazy<MachineDoor>(() => MachineDoor.Open(start.Door));
        if (start.HasNoInput)
        {
            Input.Complete();
        }
    }

    public ProcessId Pid { get; }
    public long Incarnation { get; }
    public ProgramInput Input { get; }
    public IReadOnlyList<string> Arguments => _start.Arguments;
    public IReadOnlyDictionary<string, string> Environment => _start.Environment;
    public string WorkingDirectory => _start.WorkingDirectory;
    public Stream StandardInput => Input;
    public Stream StandardOutput => _standardOutput;
    public Stream StandardError => _standardError;
    public IMachine Machine => _machine.Value.Machine;
    public CancellationToken Terminating => _terminating.Token;

    public ProgramOutput Output(OutputStream stream) => stream == OutputStream.StandardError ? _standardError : _standardOutput;

    public void Begin(ProgramLibrary library) =>
        ProgramThreads.Run($"{_start.Program} {Pid}", () => Run(library));

    /// <summary>Asks the program to end. KILL also breaks its streams; if that does not help either, the node ends the worker.</summary>
    public void Signal(ProcessSignal signal)
    {
        _signal = (int)signal;
        // A program's own handlers may throw or block: they run elsewhere, so that the worker goes on hearing its node.
        ThreadPool.UnsafeQueueUserWorkItem(_ =>
        {
            try
            {
                _terminating.Cancel();
            }
            catch (AggregateException failure)
            {
                Complain(failure);
            }
            catch (ObjectDisposedException)
            {
                // It ended meanwhile.
            }
        }, null);
        if (signal == ProcessSignal.Kill)
        {
            ThreadPool.UnsafeQueueUserWorkItem(static source => source.Cancel(), _killed, preferLocal: false);
        }
    }

    public void Dispose()
    {
        _terminating.Dispose();
        if (_machine.IsValueCreated)
        {
            _machine.Value.Dispose();
        }
    }

    private void Run(ProgramLibrary library)
    {
        var code = RunProgram(library);
        _ended(this);
        try
        {
            // KILL counts even if the program returned something on its way out.
            _pipe.SendNumber(WorkerPipeType.Exited, 0, Pid.Value, Incarnation, _signal == (int)ProcessSignal.Kill ? 128 + _signal : code & 0xff);
        }
        catch (Exception failure) when (failure is IOException or ObjectDisposedException)
        {
            // The node is gone and this worker with it.
        }
        Dispose();
    }

    private int RunProgram(ProgramLibrary library)
    {
        try
        {
            return library.Create(_start.Program).RunAsync(this).GetAwaiter().GetResult();
        }
        catch (OperationCanceledException) when (_signal != 0)
        {
            return 128 + _signal;
        }
        catch (DosException failure)
        {
            Complain($"{_start.Program}: {failure.Message} ({failure.Code})\n");
            return 1;
        }
        // Whatever a program throws is its own end, never that of its neighbours.
        catch (Exception failure)
        {
            Complain(failure);
            return 1;
        }
    }

    private void Complain(Exception failure) => Complain($"{_start.Program}: unhandled {failure}\n");

    private void Complain(string text)
    {
        try
        {
            _standardError.Write(Encoding.UTF8.GetBytes(text));
        }
        catch (Exception failure) when (failure is OperationCanceledException or IOException or ObjectDisposedException)
        {
            // Killed, or the node is gone: nobody reads it.
        }
    }
}
