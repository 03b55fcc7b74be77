namespace Orleans.DOS.Processes;

/// <summary>Waiting for ends.</summary>
public sealed partial class ProgramHost
{
    /// <inheritdoc cref="IProgramHostService.WaitExitAsync"/>
    public async Task<ProcessExit?> WaitExitAsync(ProcessId pid, long incarnation, bool wait)
    {
        if (await FindBegunAsync(pid, incarnation, wait) is not { Exit: var exit })
        {
            return null;
        }
        if (!exit.IsCompleted && wait)
        {
            await ((Task)exit).WaitAsync(Limits.LongPollMax, _time).ConfigureAwait(ConfigureAwaitOptions.SuppressThrowing);
        }
        return exit.IsCompleted ? await exit : null;
    }

    /// <inheritdoc cref="IProgramHostService.WaitToldAsync"/>
    public async Task<ToldExit?> WaitToldAsync(ProcessId pid, long incarnation)
    {
        if (await FindBegunAsync(pid, incarnation, wait: true) is not { ToldExit: var told })
        {
            return null;
        }
        if (!told.IsCompleted)
        {
            await ((Task)told).WaitAsync(Limits.LongPollMax, _time).ConfigureAwait(ConfigureAwaitOptions.SuppressThrowing);
        }
        return told.IsCompleted ? await told : null;
    }

    /// <returns>Null: it waits for a worker, maybe for long; so it is here, and has not ended.</returns>
    /// <exception cref="DosException">NoSuchProcess.</exception>
    private async Task<HostedProgram?> FindBegunAsync(ProcessId pid, long incarnation, bool wait)
    {
        var key = (pid.Value, incarnation);
        // Looked for among those that start first: it is in the table before it leaves them.
        if (_starting.TryGetValue(key, out var starting) && !_programs.ContainsKey(key))
        {
            if (wait)
            {
                // Half the time: what follows waits, too, and a call ends within its own.
                await starting.WaitAsync(Limits.LongPollMax / 2, _time).ConfigureAwait(ConfigureAwaitOptions.SuppressThrowing);
            }
            if (!starting.IsCompleted)
            {
                return null;
            }
        }
        return Find(pid, incarnation);
    }
}
