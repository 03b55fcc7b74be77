namespace Orleans.DOS.Processes;

/// <summary>The machine's process table.</summary>
public interface IProcesses
{
    /// <summary>Starts a program on the node with most free capacity. Answers when the process is in the table, Running or Pending.</summary>
    Task<ProcessStatus> SpawnAsync(ProcessSpec spec, CancellationToken cancellationToken = default);

    /// <exception cref="DosException"><see cref="DosErrorCode.NoSuchProcess"/>.</exception>
    Task<ProcessStatus> StatusAsync(ProcessId pid, CancellationToken cancellationToken = default);

    /// <summary>Newest first, as created.</summary>
    /// <param name="all">Also those that have ended.</param>
    Task<Page<ProcessStatus>> ListAsync(bool all = false, string? after = null, int limit = Limits.PageEntriesMax, CancellationToken cancellationToken = default);

    /// <summary>Waits for the end, over restarts and moves.</summary>
    Task<ProcessStatus> WaitAsync(ProcessId pid, CancellationToken cancellationToken = default);

    /// <summary>TERM is followed by KILL after a grace time of 5 s if the program does not end.</summary>
    Task SignalAsync(ProcessId pid, ProcessSignal signal, CancellationToken cancellationToken = default);

    /// <summary>Writes to standard input; waits while the process does not read (backpressure).</summary>
    /// <param name="position">Bytes written before, so that a repeat is recognised.</param>
    Task WriteInputAsync(ProcessId pid, long position, ReadOnlyMemory<byte> data, CancellationToken cancellationToken = default);

    /// <summary>What reads standard input finds its end. Of a process that has ended it is closed already.</summary>
    /// <exception cref="DosException"><see cref="DosErrorCode.NotRunning"/>: it waits for its start, and must be told again.</exception>
    Task CloseInputAsync(ProcessId pid, CancellationToken cancellationToken = default);

    /// <summary>Reads captured output from a position; waits up to <see cref="Limits.LongPollMax"/> for some when <paramref name="wait"/> is set.</summary>
    /// <param name="incarnation">Which start's output, from 1; 0: that of the present one. An earlier one of which no node has anything (any more) has an empty output that is at its end.</param>
    Task<OutputChunk> ReadOutputAsync(
        ProcessId pid, OutputStream stream, long position, bool wait = false, long incarnation = 0, CancellationToken cancellationToken = default);
}
