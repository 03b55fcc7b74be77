using Orleans.DOS.Processes;

namespace Orleans.DOS.Http;

/// <summary>Sends output as it comes, until the stream of the last incarnation ends.</summary>
internal static class OutputFollower
{
    public static async Task SendAsync(DosCall call, IProcesses processes, ProcessId pid, OutputStream stream, long position)
    {
        await foreach (var chunk in processes.FollowOutputAsync(pid, stream, position, call.Number("incarnation", 0), call.Waiting).ConfigureAwait(false))
        {
            if (!call.Response.HasStarted)
            {
                call.Response.ContentType = "application/octet-stream";
            }
            await call.Response.Body.WriteAsync(chunk.Data, call.Waiting).ConfigureAwait(false);
            await call.Response.Body.FlushAsync(call.Waiting).ConfigureAwait(false);
        }
    }
}
