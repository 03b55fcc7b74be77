using System.Diagnostics;

namespace Orleans.DOS.Processes;

/// <summary>What a worker's end has to tell the program host.</summary>
internal interface IWorkerEvents
{
    Task ReceivedAsync(WorkerConnection worker, WorkerPipeFrame frame);
    /// <summary>Called once, when the worker's process is gone or its pipe is closed; nothing of it runs any more.</summary>
    void Lost(WorkerConnection worker);
}

/// <summary>One worker process and the node's end of its pipe.</summary>
internal sealed class WorkerConnection(long number, Process process, WorkerPipe pipe, WorkerHello hello, TimeProvider time) : IDisposable
{
    private int _load;
    private long _idleSince = time.GetTimestamp();

    public long Number => number;
    public int HostProcessId { get; } = process.Id;
    public WorkerHello Hello => hello;
    /// <summary>Programs and tasks in it now.</summary>
    public int Load => Volatile.Read(ref _load);
    /// <summary>Set when it is gone or must not be given more.</summary>
    public bool IsLost { get; private set; }
    /// <summary>Completes when its process is gone and its end was told.</summary>
    public Task Ended { get; private set; } = Task.CompletedTask;
    public TimeSpan Idle => Load != 0 ? TimeSpan.Zero : time.GetElapsedTime(Volatile.Read(ref _idleSince));

    /// <returns>False when it was retired meanwhile.</returns>
    public bool TryOccupy()
    {
        while (Volatile.Read(ref _load) is var load and >= 0)
        {
            if (Interlocked.CompareExchange(ref _load, load + 1, load) == load)
            {
                return true;
            }
        }
        return false;
    }

    /// <summary>Ends it if it has nothing to do.</summary>
    public bool TryRetire()
    {
        if (Interlocked.CompareExchange(ref _load, int.MinValue, 0) != 0)
        {
            return false;
        }
        Kill();
        return true;
    }

    public void Vacate()
    {
        Volatile.Write(ref _idleSince, time.GetTimestamp());
        Interlocked.Decrement(ref _load);
    }

    /// <exception cref="DosException">Unavailable: the worker is gone.</exception>
    public async Task SendAsync(WorkerPipeType type, byte lane, long first, long second, ReadOnlyMemory<byte> payload)
    {
        try
        {
            await pipe.SendAsync(type, lane, first, second, payload).ConfigureAwait(false);
        }
        catch (Exception failure) when (failure is IOException or ObjectDisposedException)
        {
            throw new DosException(DosErrorCode.Unavailable, "the worker has just ended", failure);
        }
    }

    public Task GrantOutputAsync(byte stream, long pid, long incarnation, int bytes) =>
        pipe.SendNumberAsync(WorkerPipeType.OutputCredit, stream, pid, incarnation, bytes);

    /// <summary>Receives until the worker is gone. Called once.</summary>
    public void Begin(IWorkerEvents events) => Ended = ReceiveAsync(events);

    private async Task ReceiveAsync(IWorkerEvents events)
    {
        try
        {
            while (await pipe.ReceiveAsync().ConfigureAwait(false) is { } frame)
            {
                await events.ReceivedAsync(this, frame).ConfigureAwait(false);
            }
        }
        catch (Exception failure) when (failure is IOException or InvalidDataException or ObjectDisposedException)
        {
            // A broken pipe and a worker that does not speak the protocol end the same way: without the worker.
        }
        finally
        {
            IsLost = true;
            // The pipe may close before the process ends: what restarts elsewhere must not meet what still runs here.
            Kill();
            await process.WaitForExitAsync().ConfigureAwait(false);
            pipe.Dispose();
            events.Lost(this);
            process.Dispose();
        }
    }

    /// <summary>SIGKILL: what is in it ends now.</summary>
    public void Kill()
    {
        IsLost = true;
        try
        {
            process.Kill(entireProcessTree: true);
        }
        catch (Exception failure) when (failure is InvalidOperationException or System.ComponentModel.Win32Exception)
        {
            // It has ended by itself.
        }
    }

    public void Dispose() => Kill();
}
