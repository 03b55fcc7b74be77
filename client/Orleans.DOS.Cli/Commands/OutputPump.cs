using Orleans.DOS.Processes;

namespace Orleans.DOS.Cli.Commands;

/// <summary>Copies captured output to a stream, over restarts of the process.</summary>
internal static class OutputPump
{
    public static async Task CopyAsync(IProcesses processes, ProcessId pid, OutputStream from, Stream to, bool follow, CancellationToken cancellation)
    {
        long position = 0, incarnation = 0;
        while (true)
        {
            var chunk = await processes.ReadOutputAsync(pid, from, position, follow, cancellation);
            if (chunk.Incarnation != incarnation)
            {
                // A new incarnation writes from 0 again.
                (incarnation, var restarted) = (chunk.Incarnation, position > 0);
                position = 0;
                if (restarted)
                {
                    continue;
                }
            }
            if (chunk.Data.Length > 0)
            {
                await to.WriteAsync(chunk.Data, cancellation);
                await to.FlushAsync(cancellation);
            }
            position = chunk.Position + chunk.Data.Length;
            if (chunk.End && chunk.Data.Length == 0 || (chunk.Data.Length == 0 && !follow))
            {
                return;
            }
        }
    }
}
