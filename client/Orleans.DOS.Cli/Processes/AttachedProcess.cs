using Orleans.DOS.Processes;

namespace Orleans.DOS.Cli.Processes;

/// <summary>
/// A process to which standard input, output and error are attached. Input and output go on side by side; the end of the process is
/// the end of both, and what went wrong with either is told then. What is piped in is read once: it goes to the first start, and a
/// process that is started again after it took some of that is ended, since its result would look right and be wrong.
/// </summary>
internal sealed class AttachedProcess(IProcesses processes, ProcessId pid)
{
    private DosException? _startedAgain;
    private long _sent;
    private volatile bool _isInputAtEnd;

    /// <returns>Its exit code.</returns>
    public async Task<int> RunAsync(bool hasInput, CancellationToken cancellation)
    {
        using var ended = new CancellationTokenSource();
        // Ctrl-C ends the process (TERM, after its grace KILL) and not our waiting, so that its exit code is still told.
        await using var interrupt = cancellation.Register(() => _ = EndAsync());
        var input = hasInput ? SendInputAsync(ended.Token) : Task.CompletedTask;
        var output = SendOutputAsync(hasInput ? FeedAgainAsync : null);
        var copied = LostAsync(Task.WhenAll(
            output, OutputCopy.FollowAsync(processes, pid, OutputStream.StandardError, 1, Console.OpenStandardError(), CancellationToken.None)));
        if (await Task.WhenAny(copied, input) == input && !input.IsCompletedSuccessfully)
        {
            // It would wait for the rest for ever, or take a part for the whole.
            await EndAsync();
        }
        var lost = await copied;
        var status = await processes.WaitAsync(pid, CancellationToken.None);
        await ended.CancelAsync();
        // A read of the terminal cannot be cancelled; what it would still bring has no reader.
        if (input.IsCompleted)
        {
            await input;
        }
        if (_startedAgain is not null)
        {
            throw _startedAgain;
        }
        if (lost is not null)
        {
            // That the process was lost with its node says it all; one that ended before must not look as if it had written nothing.
            return status.State == ProcessState.Failed ? ProcessView.ExitCode(status) : throw lost;
        }
        return await output ? ProcessView.ExitCode(status) : StandardOutput.ReaderGoneExitCode;
    }

    /// <returns>What was told instead of the output, when that is gone with its node.</returns>
    private static async Task<DosException?> LostAsync(Task copied)
    {
        try
        {
            await copied;
            return null;
        }
        catch (DosException gone) when (gone.Code == DosErrorCode.NoSuchProcess)
        {
            return gone;
        }
    }

    /// <returns>False when the reader of our output has gone; the process is ended then, as SIGPIPE would.</returns>
    private async Task<bool> SendOutputAsync(Func<Task>? again)
    {
        await using var target = StandardOutput.Open();
        try
        {
            await OutputCopy.FollowAsync(processes, pid, OutputStream.StandardOutput, 1, target, CancellationToken.None, again);
            return true;
        }
        catch (IOException)
        {
            await EndAsync();
            return false;
        }
    }

    /// <summary>It was started again. What has not been read from our input yet, it gets; what an earlier start took is gone.</summary>
    private async Task FeedAgainAsync()
    {
        // A start that was given up before it began raised the number too, but took nothing.
        if (Interlocked.Read(ref _sent) > 0 && (await processes.StatusAsync(pid)).Restarts > 0)
        {
            _startedAgain ??= StartedAgain();
            await EndAsync();
        }
        else if (_isInputAtEnd)
        {
            await CloseInputAsync(CancellationToken.None);
        }
    }

    private DosException StartedAgain() => new(
        DosErrorCode.NotSupported, $"process {pid} was started again, and what was piped in cannot be given to it a second time; it is ended");

    private async Task EndAsync()
    {
        try
        {
            await Outage.BearAsync(() => processes.SignalAsync(pid, ProcessSignal.Terminate), CancellationToken.None);
        }
        catch (DosException failure) when (failure.Code == DosErrorCode.NotRunning)
        {
            // It has ended by itself in the meantime.
        }
    }

    private async Task SendInputAsync(CancellationToken ended)
    {
        var buffer = new byte[64 * 1024];
        using var source = Console.OpenStandardInput();
        try
        {
            while (await ReadAsync(source, buffer, ended) is > 0 and var count)
            {
                var position = _sent;
                // Before it is written: a write may be taken and its answer lost.
                Interlocked.Add(ref _sent, count);
                // By its position a repeat is recognised.
                await Outage.BearAsync(() => processes.WriteInputAsync(pid, position, buffer.AsMemory(0, count), ended), ended);
            }
            _isInputAtEnd = true;
            await CloseInputAsync(ended);
        }
        catch (DosException failure) when (failure.Code is DosErrorCode.PipeClosed or DosErrorCode.NotRunning)
        {
            // It ended without reading all: no fault, as with a shell's pipe.
        }
        catch (DosException failure) when (failure.Code == DosErrorCode.InvalidArgument)
        {
            // A new start has nothing of what came before.
            throw StartedAgain();
        }
        catch (OperationCanceledException) when (ended.IsCancellationRequested)
        {
            // It ended while we waited for more input.
        }
    }

    private async Task CloseInputAsync(CancellationToken ended)
    {
        while (true)
        {
            try
            {
                await Outage.BearAsync(() => processes.CloseInputAsync(pid, ended), ended);
                return;
            }
            catch (DosException early) when (early.Code == DosErrorCode.NotRunning)
            {
                // Before its start, or between two of them, there is nothing to close: a program that reads must still find its end.
                if ((await processes.StatusAsync(pid, ended)).HasEnded)
                {
                    return;
                }
            }
        }
    }

    private static async Task<int> ReadAsync(Stream source, byte[] buffer, CancellationToken ended)
    {
        try
        {
            return await source.ReadAsync(buffer, ended);
        }
        catch (Exception failure) when (failure is IOException or UnauthorizedAccessException)
        {
            throw new DosException(Failure.Of(failure).Code, $"standard input cannot be read: {failure.Message.TrimEnd('.')}", failure);
        }
    }
}
