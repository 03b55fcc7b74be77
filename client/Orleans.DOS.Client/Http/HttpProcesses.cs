using System.Globalization;
using System.Net;
using Orleans.DOS.Machines;
using Orleans.DOS.Processes;

namespace Orleans.DOS.Client.Http;

internal sealed class HttpProcesses(HttpCaller caller, string root) : IProcesses
{
    public Task<ProcessStatus> SpawnAsync(ProcessSpec spec, CancellationToken cancellationToken = default)
    {
        ArgumentNullException.ThrowIfNull(spec);
        return caller.JsonAsync(HttpCall.PostJson(root, spec, DosJson.Default.ProcessSpec), DosJson.Default.ProcessStatus, cancellationToken);
    }

    public Task<ProcessStatus> StatusAsync(ProcessId pid, CancellationToken cancellationToken = default) =>
        caller.JsonAsync(HttpCall.Get(Of(pid)), DosJson.Default.ProcessStatus, cancellationToken);

    public Task<Page<ProcessStatus>> ListAsync(bool all = false, string? after = null, int limit = Limits.PageEntriesMax, CancellationToken cancellationToken = default)
    {
        var target = new HttpQuery(root).Flag("all", all).Add("after", after).Add("limit", Arguments.PageLimit(limit));
        return caller.JsonAsync(HttpCall.Get(target.ToString()), DosJson.Default.PageProcessStatus, cancellationToken);
    }

    public async Task<ProcessStatus> WaitAsync(ProcessId pid, CancellationToken cancellationToken = default)
    {
        var patience = caller.NewPatience();
        while (true)
        {
            try
            {
                var call = HttpCall.Poll(HttpMethod.Post, Of(pid) + "/wait");
                var status = await caller.JsonAsync(call, DosJson.Default.ProcessStatus, cancellationToken).ConfigureAwait(false);
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
        caller.SendAsync(HttpCall.Post(new HttpQuery(Of(pid) + "/signal").Add("signal", (long)signal).ToString()), cancellationToken);

    public async Task WriteInputAsync(ProcessId pid, long position, ReadOnlyMemory<byte> data, CancellationToken cancellationToken = default)
    {
        Arguments.Position(position);
        for (var done = 0; done < data.Length;)
        {
            var piece = data.Slice(done, Math.Min(data.Length - done, Limits.StandardInputBufferBytesMax));
            var target = new HttpQuery(Of(pid) + "/stdin").Add("position", position + done).ToString();
            // 202: the pipe is full, and the process has not read all of it in the time of a long poll; what it has taken is recognised by its position.
            while (!await TakenAsync(HttpCall.Put(target, piece) with { LongPoll = true }, cancellationToken).ConfigureAwait(false))
            {
                cancellationToken.ThrowIfCancellationRequested();
            }
            done += piece.Length;
        }
    }

    public Task CloseInputAsync(ProcessId pid, CancellationToken cancellationToken = default) =>
        caller.SendAsync(HttpCall.Delete(Of(pid) + "/stdin"), cancellationToken);

    public Task<OutputChunk> ReadOutputAsync(
        ProcessId pid, OutputStream stream, long position, bool wait = false, long incarnation = 0, CancellationToken cancellationToken = default)
    {
        var name = stream == OutputStream.StandardError ? "/stderr" : "/stdout";
        var query = new HttpQuery(Of(pid) + name).Add("position", Arguments.Position(position)).Flag("wait", wait);
        var target = (incarnation == 0 ? query : query.Add("incarnation", Arguments.Incarnation(incarnation))).ToString();
        return caller.SendAsync(wait ? HttpCall.Poll(HttpMethod.Get, target) : HttpCall.Get(target), ChunkAsync, cancellationToken);
    }

    private static async Task<OutputChunk> ChunkAsync(HttpResponseMessage response, CancellationToken cancellationToken) => new(
        Number(response, "Output-Position"),
        await response.Content.ReadAsByteArrayAsync(cancellationToken).ConfigureAwait(false),
        Header(response, "Output-End") == "true",
        Number(response, "Output-Incarnation"));

    private Task<bool> TakenAsync(HttpCall call, CancellationToken cancellationToken) =>
        caller.SendAsync(call, static (response, _) => response.StatusCode switch
        {
            HttpStatusCode.NoContent => Task.FromResult(true),
            HttpStatusCode.Accepted => Task.FromResult(false),
            _ => throw HttpFailures.NoNode(response),
        }, cancellationToken);

    private string Of(ProcessId pid) => root + "/" + pid;

    private static string? Header(HttpResponseMessage response, string name) =>
        response.Headers.TryGetValues(name, out var values) ? values.FirstOrDefault() : null;

    private static long Number(HttpResponseMessage response, string name) =>
        long.TryParse(Header(response, name), NumberStyles.None, CultureInfo.InvariantCulture, out var value)
            ? value
            : throw HttpFailures.NoNode(response);
}
