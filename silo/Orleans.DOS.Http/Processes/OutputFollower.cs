using Orleans.DOS.Processes;

namespace Orleans.DOS.Http;

/// <summary>Sends output as it comes, until the stream of the last incarnation ends. It breaks off when the node stops.</summary>
internal static class OutputFollower
{
    public static async Task SendAsync(DosCall call, IProcesses processes, ProcessId pid, OutputStream stream, long position)
    {
        long? incarnation = null;
        while (true)
        {
            var chunk = await processes.ReadOutputAsync(pid, stream, position, wait: true, call.Waiting).ConfigureAwait(false);
            if (incarnation is { } before && before != chunk.Incarnation)
            {
                // The process was started again: its output begins at 0, and this chunk was read at the old place.
                (incarnation, position) = (chunk.Incarnation, 0);
                continue;
            }
            incarnation = chunk.Incarnation;
            if (!call.Response.HasStarted)
            {
                call.Response.ContentType = "application/octet-stream";
            }
            await call.Response.Body.WriteAsync(chunk.Data, call.Waiting).ConfigureAwait(false);
            await call.Response.Body.FlushAsync(call.Waiting).ConfigureAwait(false);
            position = chunk.Position + chunk.Data.Length;
            if (chunk.End && (await processes.StatusAsync(pid, call.Waiting).ConfigureAwait(false)) is { HasEnded: true } status && status.Incarnation == chunk.Incarnation)
            {
                return;
            }
            if (chunk.End)
            {
                // The stream is closed but the process goes on, or is about to start again.
                using var poll = CancellationTokenSource.CreateLinkedTokenSource(call.Waiting);
                poll.CancelAfter(TimeSpan.FromMilliseconds(500));
                await processes.WaitAsync(pid, poll.Token).ContinueWith(static _ => { }, CancellationToken.None, TaskContinuationOptions.None, TaskScheduler.Default).ConfigureAwait(false);
            }
        }
    }
}
