using System.Net;
using System.Net.Http.Headers;
using System.Net.Sockets;
using System.Text.Json.Serialization.Metadata;

namespace Orleans.DOS.Client.Http;

/// <summary>
/// Sends calls to the nodes in turn: stays with the node that answers, goes on to the next on a broken connection, a time-out or an
/// Unavailable, and repeats with the same request id while the budget lasts.
/// </summary>
internal sealed class HttpCaller : IDisposable
{
    // Each node refuses connections twice: nothing runs there, and waiting out the budget would only look like a hang.
    private const int RefusalRoundsMax = 2;

    private readonly HttpMachineOptions _options;
    private readonly TimeProvider _time;
    private readonly HttpClient _http;
    private readonly string[] _origins;
    private readonly RequestIds _requests;
    private readonly bool _isView;
    private int _node;

    public HttpCaller(HttpMachineOptions options, TimeProvider time)
    {
        _options = options;
        _time = time;
        _requests = new RequestIds();
        _origins = options.UnixSocketPath is null ? [.. options.Urls.Select(static url => url.GetLeftPart(UriPartial.Authority))] : ["http://localhost"];
        _node = _origins.Length == 1 ? 0 : Random.Shared.Next(_origins.Length);
        _http = new HttpClient(Handler(options.UnixSocketPath)) { Timeout = Timeout.InfiniteTimeSpan };
    }

    private HttpCaller(HttpCaller all, RequestId request)
    {
        (_options, _time, _http, _origins, _node, _isView) = (all._options, all._time, all._http, all._origins, all._node, true);
        _requests = new RequestIds(request, salt: DoorsSalt);
    }

    /// <summary>The same connections; the ids of its calls are made from the one named.</summary>
    public HttpCaller With(RequestId request) => new(this, request);

    public TimeProvider Time => _time;

    public Patience NewPatience() => new(_time, _options.Patience);

    public Task<T> JsonAsync<T>(HttpCall call, JsonTypeInfo<T> type, CancellationToken cancellationToken) =>
        SendAsync(
            call,
            async (response, token) =>
            {
                var body = await response.Content.ReadAsByteArrayAsync(token).ConfigureAwait(false);
                return HttpFailures.Json(response, body, type);
            },
            cancellationToken);

    public Task SendAsync(HttpCall call, CancellationToken cancellationToken) =>
        SendAsync(
            call, static (response, _) => response.StatusCode == HttpStatusCode.NoContent ? Task.FromResult(true) : throw HttpFailures.NoNode(response), cancellationToken);

    public async Task<T> SendAsync<T>(HttpCall call, Func<HttpResponseMessage, CancellationToken, Task<T>> read, CancellationToken cancellationToken)
    {
        var request = call.Changes ? _requests.Next() : RequestId.None;
        var attemptMax = call.LongPoll ? CallBudget.LongPollAttempt : _options.AttemptTimeout;
        var begun = _time.GetTimestamp();
        var (unheard, refusals) = (false, 0);
        DosError? told = null;
        while (true)
        {
            cancellationToken.ThrowIfCancellationRequested();
            var node = Volatile.Read(ref _node);
            var left = _options.Budget - _time.GetElapsedTime(begun);
            DosError failure;
            try
            {
                return await AttemptAsync(call, node, request, left < attemptMax ? left : attemptMax, read, cancellationToken).ConfigureAwait(false);
            }
            catch (DosException exception) when (exception.Code is DosErrorCode.Unavailable or DosErrorCode.OutcomeUnknown)
            {
                (failure, told, refusals) = (exception.Error, exception.Error, 0);
                unheard |= exception.Code == DosErrorCode.OutcomeUnknown;
            }
            catch (Exception exception) when (HttpFailures.IsLostCall(exception) && !cancellationToken.IsCancellationRequested)
            {
                var refused = HttpFailures.WasNotSent(exception);
                unheard |= !refused;
                refusals = refused ? refusals + 1 : 0;
                // What a node has said tells more than the silence of the next.
                failure = told ?? new DosError(DosErrorCode.Unavailable, $"no node answers at {string.Join(", ", Shown)}");
            }
            Interlocked.CompareExchange(ref _node, (node + 1) % _origins.Length, node);
            var pause = failure.RetryAfter is { } wait && wait > CallBudget.Pause ? wait : CallBudget.Pause;
            if (_time.GetElapsedTime(begun) + pause + CallBudget.Pause >= _options.Budget || refusals >= RefusalRoundsMax * _origins.Length)
            {
                throw call.Changes && unheard
                    ? new DosException(DosErrorCode.OutcomeUnknown, $"no answer came in time, the call may or may not have been carried out (request {request})")
                    : new DosError(DosErrorCode.Unavailable, failure.Message, failure.RetryAfter).ToException();
            }
            await Task.Delay(pause, _time, cancellationToken).ConfigureAwait(false);
        }
    }

    /// <summary>An answer that goes on and on; broken off by <paramref name="cancellationToken"/> or by its end. One attempt, at the present node.</summary>
    public async Task<HttpResponseMessage> OpenStreamAsync(HttpCall call, CancellationToken cancellationToken)
    {
        var node = Volatile.Read(ref _node);
        using var timeout = CancellationTokenSource.CreateLinkedTokenSource(cancellationToken);
        timeout.CancelAfter(_options.AttemptTimeout);
        try
        {
            using var message = Message(call, node, RequestId.None);
            var response = await _http.SendAsync(message, HttpCompletionOption.ResponseHeadersRead, timeout.Token).ConfigureAwait(false);
            await HttpFailures.ThrowIfFailedAsync(response, timeout.Token).ConfigureAwait(false);
            return response;
        }
        catch (Exception exception) when (HttpFailures.IsLostCall(exception) && !cancellationToken.IsCancellationRequested)
        {
            Interlocked.CompareExchange(ref _node, (node + 1) % _origins.Length, node);
            throw new DosException(DosErrorCode.Unavailable, $"no node answers at {string.Join(", ", Shown)}", exception);
        }
    }

    /// <summary>The node that answered last broke off: begin at the next one.</summary>
    public void PassOn() => Volatile.Write(ref _node, (Volatile.Read(ref _node) + 1) % _origins.Length);

    public void Dispose()
    {
        if (!_isView)
        {
            _http.Dispose();
        }
    }

    private IEnumerable<string> Shown => _options.UnixSocketPath is { } path ? [path] : _origins;

    private async Task<T> AttemptAsync<T>(
        HttpCall call, int node, RequestId request, TimeSpan timeoutAfter, Func<HttpResponseMessage, CancellationToken, Task<T>> read, CancellationToken cancellationToken)
    {
        using var timeout = CancellationTokenSource.CreateLinkedTokenSource(cancellationToken);
        timeout.CancelAfter(timeoutAfter > TimeSpan.Zero ? timeoutAfter : TimeSpan.Zero);
        using var message = Message(call, node, request);
        using var response = await _http.SendAsync(message, HttpCompletionOption.ResponseHeadersRead, timeout.Token).ConfigureAwait(false);
        await HttpFailures.ThrowIfFailedAsync(response, timeout.Token).ConfigureAwait(false);
        return await read(response, timeout.Token).ConfigureAwait(false);
    }

    private HttpRequestMessage Message(HttpCall call, int node, RequestId request)
    {
        // Otherwise Uri would resolve "..", and a path of the machine would change on its way.
        var uri = new Uri(_origins[node] + call.Target, new UriCreationOptions { DangerousDisablePathAndQueryCanonicalization = true });
        var message = new HttpRequestMessage(call.Method, uri);
        message.Headers.Authorization = new AuthenticationHeaderValue("Bearer", _options.Token);
        if (request != RequestId.None)
        {
            message.Headers.Add(RequestIdHeader, request.ToString());
        }
        if (call.Body is { } body)
        {
            message.Content = new ReadOnlyMemoryContent(body);
            message.Content.Headers.ContentType = new MediaTypeHeaderValue(call.BodyType);
        }
        return message;
    }

    private static SocketsHttpHandler Handler(string? unixSocketPath)
    {
        var handler = new SocketsHttpHandler
        {
            UseProxy = false,
            UseCookies = false,
            AllowAutoRedirect = false,
            ConnectTimeout = TimeSpan.FromSeconds(1.5),
            PooledConnectionIdleTimeout = TimeSpan.FromSeconds(60),
        };
        if (unixSocketPath is not null)
        {
            handler.ConnectCallback = async (_, cancellationToken) =>
            {
                var socket = new Socket(AddressFamily.Unix, SocketType.Stream, ProtocolType.Unspecified);
                try
                {
                    await socket.ConnectAsync(new UnixDomainSocketEndPoint(unixSocketPath), cancellationToken).ConfigureAwait(false);
                    return new NetworkStream(socket, ownsSocket: true);
                }
                catch
                {
                    socket.Dispose();
                    throw;
                }
            };
        }
        return handler;
    }

    private const string RequestIdHeader = "Request-Id";

    // Any number but 0, which is the door's own.
    private const long DoorsSalt = 0x48545450;
}
