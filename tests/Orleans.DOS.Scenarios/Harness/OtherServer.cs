using System.Collections.Concurrent;
using System.Net;
using System.Net.Sockets;
using System.Text;

namespace Orleans.DOS.Scenarios.Harness;

/// <summary>A web server that is no node: answers what a test says, and keeps what it was told.</summary>
internal sealed class OtherServer : IAsyncDisposable
{
    private readonly HttpListener _listener = new();
    private readonly Func<HttpListenerRequest, (int Status, string Type, string Body)> _answer;
    private readonly Task _serving;

    public OtherServer(Func<HttpListenerRequest, (int Status, string Type, string Body)> answer)
    {
        _answer = answer;
        using (var free = new TcpListener(IPAddress.Loopback, 0))
        {
            free.Start();
            Url = $"http://{free.LocalEndpoint}";
        }
        _listener.Prefixes.Add(Url + "/");
        _listener.Start();
        _serving = ServeAsync();
    }

    public string Url { get; }

    /// <summary>The header Authorization of each request.</summary>
    public ConcurrentQueue<string?> Told { get; } = new();

    /// <summary>The header Request-Id of each request.</summary>
    public ConcurrentQueue<string?> Requests { get; } = new();

    public async ValueTask DisposeAsync()
    {
        _listener.Stop();
        await _serving.ConfigureAwait(ConfigureAwaitOptions.SuppressThrowing);
        _listener.Close();
    }

    private async Task ServeAsync()
    {
        while (_listener.IsListening)
        {
            var call = await _listener.GetContextAsync();
            Told.Enqueue(call.Request.Headers["Authorization"]);
            Requests.Enqueue(call.Request.Headers["Request-Id"]);
            var (status, type, body) = _answer(call.Request);
            (call.Response.StatusCode, call.Response.ContentType) = (status, type);
            call.Response.Close(Encoding.UTF8.GetBytes(body), willBlock: false);
        }
    }
}
