using System.Text.Json;
using Orleans.DOS.Machines;

namespace Orleans.DOS.Http;

/// <summary>
/// A job's status as lines of JSON, with a sign of life each second between them. It breaks off when the node stops: whoever watches goes on
/// at another one.
/// </summary>
internal static class JobWatch
{
    private static readonly TimeSpan HeartbeatPeriod = TimeSpan.FromSeconds(1);
    private static readonly byte[] LineEnd = "\n"u8.ToArray();

    public static async Task SendAsync(DosCall call)
    {
        using var stop = CancellationTokenSource.CreateLinkedTokenSource(call.Waiting);
        var changes = call.Machine().Jobs.WatchAsync(JobEndpoints.Job(call), stop.Token).GetAsyncEnumerator(stop.Token);
        Task<bool>? next = null;
        var response = call.Response;
        response.OnStarting(() => Task.FromResult(response.ContentType ??= "application/x-ndjson"));
        try
        {
            while (true)
            {
                next ??= changes.MoveNextAsync().AsTask();
                if (await Task.WhenAny(next, Task.Delay(HeartbeatPeriod, call.Waiting)).ConfigureAwait(false) != next)
                {
                    call.Waiting.ThrowIfCancellationRequested();
                    await SendLineAsync(call, []).ConfigureAwait(false);
                    continue;
                }
                if (!await next.ConfigureAwait(false))
                {
                    return;
                }
                next = null;
                await SendLineAsync(call, JsonSerializer.SerializeToUtf8Bytes(changes.Current, DosJson.Default.JobStatus)).ConfigureAwait(false);
            }
        }
        finally
        {
            // An enumerator may be disposed of only when it stands still.
            await stop.CancelAsync().ConfigureAwait(false);
            if (next is not null)
            {
                await ((Task)next).ConfigureAwait(ConfigureAwaitOptions.SuppressThrowing);
            }
            await changes.DisposeAsync().ConfigureAwait(false);
        }
    }

    private static async Task SendLineAsync(DosCall call, byte[] line)
    {
        await call.Response.Body.WriteAsync(line, call.Aborted).ConfigureAwait(false);
        await call.Response.Body.WriteAsync(LineEnd, call.Aborted).ConfigureAwait(false);
        await call.Response.Body.FlushAsync(call.Aborted).ConfigureAwait(false);
    }
}
