using Orleans.Concurrency;
using Orleans.DOS.Processes;

namespace Orleans.DOS.Client.Cluster;

internal sealed class ClusterProcesses(ClusterCaller caller) : IProcesses
{
    private IProcessTableGrain? _table;

    private IProcessTableGrain Table => _table ??= caller.Grains.GetGrain<IProcessTableGrain>(GrainKeys.Machine(caller.Machine));

    private IProcessGrain Process(ProcessId pid) => caller.Grains.GetGrain<IProcessGrain>(GrainKeys.Process(caller.Machine, pid));

    public Task<ProcessStatus> SpawnAsync(ProcessSpec spec, CancellationToken cancellationToken = default)
    {
        ArgumentNullException.ThrowIfNull(spec);
        return caller.ChangeAsync(context => Table.SpawnAsync(context, spec), cancellationToken);
    }

    public Task<ProcessStatus> StatusAsync(ProcessId pid, CancellationToken cancellationToken = default) =>
        caller.ReadAsync(context => Process(pid).StatusAsync(context), cancellationToken);

    public Task<Page<ProcessStatus>> ListAsync(bool all = false, string? after = null, int limit = Limits.PageEntriesMax, CancellationToken cancellationToken = default) =>
        caller.ReadAsync(context => Table.ListAsync(context, all, after, Arguments.PageLimit(limit)), cancellationToken);

    public async Task<ProcessStatus> WaitAsync(ProcessId pid, CancellationToken cancellationToken = default)
    {
        var patience = new Patience(caller.Time, CallBudget.Patience);
        while (true)
        {
            try
            {
                var status = await caller.PollAsync(context => Table.WaitAsync(context, pid), cancellationToken).ConfigureAwait(false);
                if (status.HasEnded)
                {
                    return status;
                }
                patience.Heard();
            }
            catch (DosException exception) when (patience.Bears(exception))
            {
                await Task.Delay(CallBudget.Pause, caller.Time, cancellationToken).ConfigureAwait(false);
            }
        }
    }

    public Task SignalAsync(ProcessId pid, ProcessSignal signal, CancellationToken cancellationToken = default) =>
        caller.ChangeAsync(context => Process(pid).SignalAsync(context, signal), cancellationToken);

    public async Task WriteInputAsync(ProcessId pid, long position, ReadOnlyMemory<byte> data, CancellationToken cancellationToken = default)
    {
        Arguments.Position(position);
        var end = position + data.Length;
        for (var from = position; from < end;)
        {
            var piece = data.Slice((int)(from - position), (int)Math.Min(end - from, Limits.StandardInputBufferBytesMax));
            var bytes = new Immutable<byte[]>(piece.ToArray());
            var at = from;
            // Each piece is recognised by its position, so a repeat that finds it taken goes on behind it.
            var taken = await caller.ChangeWhenThereIsRoomAsync(context => Process(pid).WriteInputAsync(context, at, bytes), cancellationToken).ConfigureAwait(false);
            if (taken <= from)
            {
                // The pipe is full: the process reads slowly, and so its writer is slowed down.
                await Task.Delay(CallBudget.Pause, caller.Time, cancellationToken).ConfigureAwait(false);
            }
            from = Math.Max(from, taken);
        }
    }

    public Task CloseInputAsync(ProcessId pid, CancellationToken cancellationToken = default) =>
        caller.ChangeAsync(context => Process(pid).CloseInputAsync(context), cancellationToken);

    public Task<OutputChunk> ReadOutputAsync(
        ProcessId pid, OutputStream stream, long position, bool wait = false, long incarnation = 0, CancellationToken cancellationToken = default)
    {
        Arguments.Position(position);
        Arguments.Incarnation(incarnation);
        return wait
            ? caller.PollAsync(context => Process(pid).ReadOutputAsync(context, stream, position, true, incarnation), cancellationToken)
            : caller.ReadAsync(context => Process(pid).ReadOutputAsync(context, stream, position, false, incarnation), cancellationToken);
    }
}
