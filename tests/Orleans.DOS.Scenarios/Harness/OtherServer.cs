using System.Collections.Concurrent;
using System.Net;
using System.Net.Sockets;
using System.Text;

namespace Orleans.DOS.Scenarios.Harness;

/// <summary>What a server answers.</summary>
internal sealed record OtherAnswer(int Status, string Type = "text/plain", string Body = "", params (string Name, string Value)[] Headers);

/// <summary>A web server that is no node, or plays one: answers what a test says, which may take its time, and keeps what it was told.</summary>
internal sealed class OtherServer : IAsyncDisposable
{
    private readonly HttpListener _listener = new();
    private readonly Func<HttpListenerRequest, OtherAnswer> _answer;
    private readonly Task _serving;

    public OtherServer(Func<HttpListenerRequest, OtherAnswer> answer)
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
        // Not stopped first: closing what has stopped opens its port once more to take the prefix off, and somebody else may have that by then.
        _listener.Close();
        await _serving.ConfigureAwait(ConfigureAwaitOptions.SuppressThrowing);
    }

    private async Task ServeAsync()
    {
        while (_listener.IsListening)
        {
            var call = await _listener.GetContextAsync();
            _ = Task.Run(() => Answer(call));
        }
    }

    private void Answer(HttpListenerContext call)
    {
        Told.Enqueue(call.Request.Headers["Authorization"]);
        Requests.Enqueue(call.Request.Headers["Request-Id"]);
        var answer = _answer(call.Request);
        (call.Response.StatusCode, call.Response.ContentType) = (answer.Status, answer.Type);
        foreach (var (name, value) in answer.Headers)
        {
            call.Response.Headers[name] = value;
        }
        try
        {
            call.Response.Close(Encoding.UTF8.GetBytes(answer.Body), willBlock: true);
        }
        catch (Exception gone) when (gone is HttpListenerException or ObjectDisposedException)
        {
            // The client has broken off, or the test has ended.
        }
    }
}
