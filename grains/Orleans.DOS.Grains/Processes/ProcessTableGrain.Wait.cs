using Orleans.DOS.Security;

namespace Orleans.DOS.Processes;

public sealed partial class ProcessTableGrain
{
    public async Task<ProcessStatus> WaitAsync(CallContext context, ProcessId pid)
    {
        if (context.Machine == Machine && spawned.Find(pid) is { State: (long)ProcessState.Running } record && record.MachineId == Machine.Value
            && await WaitToldAsync(record) is { } status)
        {
            return status;
        }
        return await GrainFactory.GetGrain<IProcessGrain>(GrainKeys.Process(Machine, pid)).WaitAsync(context);
    }

    public async Task<IReadOnlyList<bool>> EndedAsync(NodeId node, IReadOnlyList<ProcessEnd> ends) =>
        await Task.WhenAll(ends.Select(end => writer.EndAsync(node, end)));

    /// <summary>What the node says on which it was started.</summary>
    /// <returns>Null when that node does not settle it: the row does.</returns>
    private async Task<ProcessStatus?> WaitToldAsync(ProcessRecord record)
    {
        try
        {
            if (await clients.Programs(record.Node!.Value).WaitToldAsync(new ProcessId(record.Pid), record.Incarnation) is not { } told)
            {
                // It is still known there as running; this is the answer of a long poll.
                return record.ToStatus();
            }
            spawned.Forget(new ProcessId(record.Pid));
            return told.IsLast
                ? record.EndedWith(ProcessLifecycle.LastExit(told.Exit.ExitCode, told.Exit.Failure, told.Exit.Ended))
                : null;
        }
        // The node is away, or has forgotten it (any reason): its door knows how to wait for the verdict on it.
        catch (Exception failure) when (failure is DosException or TimeoutException or Orleans.Runtime.OrleansException)
        {
            spawned.Forget(new ProcessId(record.Pid));
            return null;
        }
    }
}
