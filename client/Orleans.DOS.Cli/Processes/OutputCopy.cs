using Orleans.DOS.Processes;

namespace Orleans.DOS.Cli.Processes;

/// <summary>Copies captured output of a process to a local stream.</summary>
internal static class OutputCopy
{
    /// <param name="follow">Until the stream is closed, over restarts; otherwise what is there now.</param>
    public static async Task RunAsync(IProcesses processes, ProcessId pid, OutputStream stream, Stream target, bool follow, CancellationToken cancellation)
    {
        long position = 0, incarnation = 0;
        while (true)
        {
            var chunk = await processes.ReadOutputAsync(pid, stream, position, follow, cancellation);
            if (chunk.Incarnation != incarnation && incarnation != 0 && position != 0)
            {
                // A later start writes its output from 0 again.
                (position, incarnation) = (0, chunk.Incarnation);
                continue;
            }
            incarnation = chunk.Incarnation;
            position = chunk.Position + chunk.Data.Length;
            await target.WriteAsync(chunk.Data, cancellation);
            await target.FlushAsync(cancellation);
            if (chunk.End || (!follow && chunk.Data.Length == 0))
            {
                return;
            }
        }
    }
}
