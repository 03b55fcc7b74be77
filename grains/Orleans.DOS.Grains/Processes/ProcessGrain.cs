using Orleans.Concurrency;
using Orleans.DOS.Catalog;
using Orleans.DOS.Files;
using Orleans.DOS.Nodes;
using Orleans.DOS.Security;

namespace Orleans.DOS.Processes;

/// <summary>
/// The door of one process. It holds nothing that matters: the row is in the catalog, the running program in its node's program
/// host, so that it can be deactivated at any time and no program notices. All its methods interleave: they share nothing but the
/// signal that wakes waiters, and every change is conditional on the row it was decided from.
/// </summary>
[GrainType("dos.process")]
public sealed class ProcessGrain(ICatalog catalog, ProcessLauncher launcher, INodeClients clients, INodeView nodes, TimeProvider time) : Grain, IProcessGrain, IProcessDoor
{
    /// <summary>Decisions that lose against somebody else's before the caller is asked to try again.</summary>
    private const int AttemptsMax = 5;

    /// <summary>What a start takes between its commit and its node.</summary>
    private static readonly TimeSpan StartDelay = TimeSpan.FromMilliseconds(100);

    private TaskCompletionSource _changed = NewSignal();
    /// <summary>The commit of an end that is under way.</summary>
    private (NodeId Node, long Incarnation, Task Commit) _ending = (default, 0, Task.CompletedTask);

    private (long First, long Second) Key => GrainKeys.Parse(this.GetPrimaryKeyString());
    private ProcessId Pid => new(Key.Second);

    public async Task<ProcessStatus> StatusAsync(CallContext context) => (await ReadAsync(context)).ToStatus();

    public async Task<ProcessStatus> WaitAsync(CallContext context)
    {
        var record = await ReadAsync(context);
        if (record.Row.HasEnded)
        {
            return record.ToStatus();
        }
        await WaitForChangeAsync(record);
        return await StatusAsync(context);
    }

    public async Task SignalAsync(CallContext context, ProcessSignal signal)
    {
        if (!Enum.IsDefined(signal))
        {
            throw new DosException(DosErrorCode.InvalidArgument, $"no signal {(short)signal}");
        }
        var record = await ReadOwnAsync(context);
        if (await IsRepeatAsync(context, signal, record) && record.Row.HasEnded)
        {
            // The first one ended it, and its answer was lost.
            return;
        }
        if (signal is ProcessSignal.Stop or ProcessSignal.Continue)
        {
            await SignalHostAsync(record, signal);
            return;
        }
        for (var attempt = 0; attempt < AttemptsMax; attempt++)
        {
            if (ProcessLifecycle.AskEnd(record.Row, signal, time.GetUtcNow()) is { } asked && !await catalog.ChangeAsync(record, asked))
            {
                record = await ReadOwnAsync(context);
                continue;
            }
            if (record is { State: (long)ProcessState.Exited, NodeId: null })
            {
                // It waited for its start: that was its end.
                Pulse();
                return;
            }
            await SignalHostAsync(record, signal);
            return;
        }
        throw new DosException(DosErrorCode.Conflict, $"process {Pid} changes all the time");
    }

    /// <summary>
    /// Recorded before the signal is sent: a signal that is sent twice does no harm, one that is sent by a repeat after all has its
    /// place. What has ended already gets none, so that its refusal stays one.
    /// </summary>
    private async Task<bool> IsRepeatAsync(CallContext context, ProcessSignal signal, ProcessRecord record)
    {
        RequestTable.CheckRequest(context);
        var hash = (Pid.Value << 8) ^ (long)signal;
        if (record.Row.HasEnded)
        {
            return (await catalog.ReadAsync(session => session.FindAnswerAsync<bool>(context, hash))).Found;
        }
        try
        {
            return await catalog.WriteAsync(async session =>
            {
                var (found, _) = await session.FindAnswerAsync<bool>(context, hash);
                if (!found)
                {
                    session.RecordAnswer(context, hash, true, CatalogTime.From(time.GetUtcNow()));
                }
                return found;
            });
        }
        catch (ChangedMeanwhileException)
        {
            // Another activation has just recorded the same one.
            return true;
        }
    }

    private async Task SignalHostAsync(ProcessRecord record, ProcessSignal signal)
    {
        try
        {
            await OnHostAsync(record, async host =>
            {
                await host.SignalAsync(Pid, record.Incarnation, signal);
                return true;
            });
        }
        catch (DosException ended) when (ended.Code == DosErrorCode.NotRunning && !record.Row.HasEnded && record.AskedToEnd is not null)
        {
            // It has just ended by itself, and what was asked for holds: it is not started again.
        }
    }

    public async Task<long> WriteInputAsync(CallContext context, long position, Immutable<byte[]> data)
    {
        if (data.Value.Length > Limits.FramePayloadBytesMax)
        {
            throw new DosException(DosErrorCode.LimitExceeded, $"{data.Value.Length} bytes of input at once; the bound is {Limits.FramePayloadBytesMax}");
        }
        var record = await ReadOwnAsync(context);
        if (record.Row.State == ProcessState.Pending)
        {
            await WaitForChangeAsync(record);
            return position;
        }
        if (record is { Row.HasEnded: true, Node: { } last })
        {
            return await RepeatInputAsync(last, record, position, data);
        }
        return await OnHostAsync(record, host => host.WriteInputAsync(Pid, record.Incarnation, position, data));
    }

    /// <summary>The answer to a write may be lost and the process have ended since: its node still knows what was taken.</summary>
    private async Task<long> RepeatInputAsync(NodeId node, ProcessRecord record, long position, Immutable<byte[]> data)
    {
        try
        {
            return await clients.Programs(node).WriteInputAsync(Pid, record.Incarnation, position, data);
        }
        catch (DosException ended) when (ended.Code is DosErrorCode.PipeClosed or DosErrorCode.NoSuchProcess or DosErrorCode.Unavailable or DosErrorCode.InvalidArgument)
        {
            throw new DosException(DosErrorCode.NotRunning, $"process {Pid} has ended");
        }
    }

    public async Task CloseInputAsync(CallContext context)
    {
        var record = await ReadOwnAsync(context);
        if (record.Row.State == ProcessState.Pending)
        {
            await WaitForChangeAsync(record);
            record = await ReadOwnAsync(context);
        }
        if (record.Row.HasEnded)
        {
            // Often a repeat: the close ended it, and the answer was lost. Either way nothing more is read.
            return;
        }
        await OnHostAsync(record, async host =>
        {
            await host.CloseInputAsync(Pid, record.Incarnation);
            return true;
        });
    }

    public async Task<OutputChunk> ReadOutputAsync(CallContext context, OutputStream stream, long position, bool wait, long incarnation = 0)
    {
        var record = await ReadAsync(context);
        if (incarnation is not 0 && incarnation < record.Incarnation)
        {
            return await ReadEarlierOutputAsync(record, incarnation, stream, position);
        }
        try
        {
            if (record.Node is { } node)
            {
                return await clients.Programs(node).ReadOutputAsync(Pid, record.Incarnation, stream, position, wait);
            }
        }
        catch (DosException failure) when (record.Row.HasEnded && IsOutputGone(record, failure.Code))
        {
            // An empty end would say that it wrote nothing.
            throw new DosException(DosErrorCode.NoSuchProcess, $"what process {Pid} wrote is gone: its node {record.Node} has started again or is dead");
        }
        catch (DosException failure) when (!record.Row.HasEnded && (failure.Code == DosErrorCode.NoSuchProcess || (wait && failure.Code == DosErrorCode.Unavailable)))
        {
            // Not started yet on the node that was chosen; or that node is away, and who follows waits for the verdict on it.
        }
        if (wait && !record.Row.HasEnded)
        {
            await WaitForSignalAsync();
        }
        return new OutputChunk(position, [], record.Row.HasEnded, record.Incarnation);
    }

    /// <summary>The row names only the node of the present start: who reads what an earlier one wrote has the nodes asked, the likeliest first.</summary>
    private async Task<OutputChunk> ReadEarlierOutputAsync(ProcessRecord record, long incarnation, OutputStream stream, long position)
    {
        foreach (var node in nodes.Active.OrderByDescending(node => node == record.Node))
        {
            try
            {
                var chunk = await clients.Programs(node).ReadOutputAsync(Pid, incarnation, stream, position, wait: false);
                // Nothing that it may still write counts: it was replaced.
                return chunk.Data.Length == 0 ? chunk with { End = true } : chunk;
            }
            catch (DosException elsewhere) when (elsewhere.Code is DosErrorCode.NoSuchProcess or DosErrorCode.Unavailable)
            {
                // It ran on another node, or its output is gone with its node.
            }
        }
        return new OutputChunk(position, [], End: true, incarnation);
    }

    /// <summary>Captured output ends with its node's incarnation. A node that cannot be reached now may still have it.</summary>
    private bool IsOutputGone(ProcessRecord record, DosErrorCode answer) =>
        answer == DosErrorCode.NoSuchProcess
        || (answer == DosErrorCode.Unavailable && record is { Node: { } node, NodeIncarnation: { } incarnation } && nodes.IsFenced(node, incarnation));

    public Task ExitedAsync(NodeId node, long incarnation, ProcessExit exit) => CommitExitAsync(node, incarnation, exit);

    /// <summary>
    /// Makes the end of an incarnation durable, once, whoever learned of it first. A stale report changes nothing. A waiter and the
    /// node mostly learn of an end together: they share one commit.
    /// </summary>
    private Task CommitExitAsync(NodeId node, long incarnation, ProcessExit exit)
    {
        if (_ending.Commit.IsCompleted || _ending.Node != node || _ending.Incarnation != incarnation)
        {
            _ending = (node, incarnation, CommitNewExitAsync(node, incarnation, exit));
        }
        return _ending.Commit;
    }

    private async Task CommitNewExitAsync(NodeId node, long incarnation, ProcessExit exit)
    {
        for (var attempt = 0; attempt < AttemptsMax; attempt++)
        {
            if (await catalog.FindAsync(Pid.Value) is not { } record
                || ProcessLifecycle.Exit(record.Row, incarnation, node, exit.ExitCode, exit.Failure, exit.Ended) is not { } next)
            {
                return;
            }
            if (!await catalog.ChangeAsync(record, next))
            {
                continue;
            }
            Pulse();
            if (next.State == ProcessState.Pending)
            {
                await launcher.LaunchAsync(record);
            }
            return;
        }
        throw new DosException(DosErrorCode.Conflict, $"process {Pid} changes all the time");
    }

    private async Task WaitForChangeAsync(ProcessRecord record)
    {
        if (record is { State: (long)ProcessState.Running, Node: { } node })
        {
            try
            {
                // The node sees to it that the end is in the table before it answers.
                await clients.Programs(node).WaitToldAsync(Pid, record.Incarnation);
                return;
            }
            // The node cannot be asked (any reason): the warden's verdict on it is what there is to wait for.
            catch (Exception failure) when (failure is not DosException { Code: DosErrorCode.Conflict })
            {
                await WaitForSignalAsync();
                return;
            }
        }
        await WaitForSignalAsync();
    }

    /// <summary>Also over after a while, because somebody else (the warden, another activation) may change the row.</summary>
    private async Task WaitForSignalAsync()
    {
        try
        {
            await _changed.Task.WaitAsync(Limits.LongPollMax / 4, time);
        }
        catch (TimeoutException)
        {
            // The caller reads the row again.
        }
    }

    private void Pulse()
    {
        var signal = _changed;
        _changed = NewSignal();
        signal.SetResult();
    }

    private IProgramHostService Host(ProcessRecord record) =>
        !record.Row.HasEnded && record.Node is { } node
            ? clients.Programs(node)
            : throw new DosException(DosErrorCode.NotRunning, record.Row.HasEnded ? $"process {Pid} has ended" : $"process {Pid} has not started yet");

    /// <summary>A row names its node before the start has reached it: whoever comes between is asked to come again, and not told that there is no such process.</summary>
    private async Task<T> OnHostAsync<T>(ProcessRecord record, Func<IProgramHostService, Task<T>> call)
    {
        try
        {
            return await call(Host(record));
        }
        catch (DosException early) when (early.Code == DosErrorCode.NoSuchProcess)
        {
            throw new DosException(new DosError(DosErrorCode.Unavailable, $"process {Pid} is just being started on {record.Node}", StartDelay));
        }
    }

    private async Task<ProcessRecord> ReadAsync(CallContext context)
    {
        var record = await catalog.FindAsync(Pid.Value);
        return record is not null && record.MachineId == Key.First && context.Machine.Value == Key.First
            ? record
            : throw new DosException(DosErrorCode.NoSuchProcess, $"there is no process {Pid}");
    }

    private async Task<ProcessRecord> ReadOwnAsync(CallContext context)
    {
        var record = await ReadAsync(context);
        return context.Principal.UserId == 0 || context.Principal.UserId == record.UserId
            ? record
            : throw new DosException(DosErrorCode.PermissionDenied, $"process {Pid} belongs to {record.Owner}");
    }

    private static TaskCompletionSource NewSignal() => new(TaskCreationOptions.RunContinuationsAsynchronously);
}
