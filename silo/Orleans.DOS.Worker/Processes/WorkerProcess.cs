using System.Collections.Concurrent;
using System.Net.Sockets;
using System.Runtime.InteropServices;
using System.Text.Json;
using Orleans.DOS.Jobs;
using Orleans.DOS.Machines;

namespace Orleans.DOS.Processes;

/// <summary>
/// The life of a worker: connect to the node, say what can be run, then obey frames until the pipe closes, and end at once with it,
/// whatever the programs are doing: nothing of a dead node may go on.
/// Layers: <see cref="WorkerPipe"/> carries frames; <see cref="RunningProgram"/> is one incarnation with a thread and its
/// streams (<see cref="ProgramInput"/>, <see cref="ProgramOutput"/>); <see cref="RunningTasks"/> does the same for jobs.
/// </summary>
internal sealed partial class WorkerProcess
{
    public const string SecretVariable = "DOS_WORKER_SECRET";

    private readonly WorkerPipe _pipe;
    private readonly ProgramLibrary _library;
    private readonly RunningTasks _tasks;
    private readonly ConcurrentDictionary<(long Pid, long Incarnation), RunningProgram> _programs = new();

    private WorkerProcess(WorkerPipe pipe, ProgramLibrary library, string scratchDirectory)
    {
        _pipe = pipe;
        _library = library;
        _tasks = new RunningTasks(pipe, library, scratchDirectory);
    }

    /// <summary>Returns when the node is gone; the caller ends the process.</summary>
    public static void Run(string socketPath, long number, string scratchDirectory, string secret)
    {
        try
        {
            using var socket = new Socket(AddressFamily.Unix, SocketType.Stream, ProtocolType.Unspecified);
            socket.Connect(new UnixDomainSocketEndPoint(socketPath));
            using var pipe = new WorkerPipe(new NetworkStream(socket));
            var library = ProgramLibrary.Load(AppContext.BaseDirectory);
            var hello = new WorkerHello(number, secret, library.Programs, library.JobPrograms);
            pipe.Send(WorkerPipeType.Ready, 0, 0, 0, JsonSerializer.SerializeToUtf8Bytes(hello, WorkerPipeJson.Default.WorkerHello));
            new WorkerProcess(pipe, library, scratchDirectory).Obey();
        }
        catch (Exception failure) when (failure is IOException or SocketException or ObjectDisposedException)
        {
            // The node is gone; there is nobody to tell.
        }
        finally
        {
            // Not Environment.Exit: it runs handlers of programs, and waits for them.
            ExitNow(0);
        }
    }

    private void Obey()
    {
        while (_pipe.Receive() is { } frame)
        {
            var (first, second) = (frame.Header.First, frame.Header.Second);
            switch (frame.Header.Type)
            {
                case WorkerPipeType.Start:
                    Start(first, second, WorkerPipeJson.Parse(frame.Payload, WorkerPipeJson.Default.WorkerStart));
                    break;
                case WorkerPipeType.StartTask:
                    _tasks.Start(WorkerPipeJson.Parse(frame.Payload, TaskPipeJson.Default.WorkerTasks), first);
                    break;
                case WorkerPipeType.CancelTask:
                    _tasks.Cancel(first, second);
                    break;
                // What is for a program that has just ended is dropped: the node learns of the end from Exited.
                case WorkerPipeType.Input when _programs.TryGetValue((first, second), out var program):
                    program.Input.Add(frame.Payload);
                    break;
                case WorkerPipeType.CloseInput when _programs.TryGetValue((first, second), out var program):
                    program.Input.Complete();
                    break;
                case WorkerPipeType.Signal when _programs.TryGetValue((first, second), out var program):
                    program.Signal((ProcessSignal)frame.Header.Lane);
                    break;
                case WorkerPipeType.OutputCredit when _programs.TryGetValue((first, second), out var program):
                    program.Output((OutputStream)frame.Header.Lane).Grant(frame.Number);
                    break;
            }
        }
    }

    private void Start(long pid, long incarnation, WorkerStart start)
    {
        var program = new RunningProgram(_pipe, new ProcessId(pid), incarnation, start, ended => _programs.TryRemove((ended.Pid.Value, ended.Incarnation), out _));
        _programs[(pid, incarnation)] = program;
        program.Begin(_library);
    }

    [LibraryImport("libc", EntryPoint = "_exit")]
    private static partial void ExitNow(int code);
}
