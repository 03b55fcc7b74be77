using System.Net;
using System.Net.Sockets;

namespace Orleans.DOS.Tests.Http;

/// <summary>Hands requests on to a door, and breaks the connection in place of the first answers, or within them.</summary>
internal sealed class LossyProxy : IAsyncDisposable
{
    private readonly TcpListener _listener = new(IPAddress.Loopback, 0);
    private readonly CancellationTokenSource _stop = new();
    private readonly Uri _door;
    private readonly Task _accepting;
    private readonly bool _inTheirMiddle;
    private int _answersLost;

    public LossyProxy(Uri door, int answersLost, bool inTheirMiddle = false)
    {
        (_door, _answersLost, _inTheirMiddle) = (door, answersLost, inTheirMiddle);
        _listener.Start();
        _accepting = AcceptAsync();
    }

    public Uri Url => new($"http://{_listener.LocalEndpoint}");

    public async ValueTask DisposeAsync()
    {
        await _stop.CancelAsync();
        _listener.Stop();
        await _accepting.ConfigureAwait(ConfigureAwaitOptions.SuppressThrowing);
        _stop.Dispose();
    }

    private async Task AcceptAsync()
    {
        List<Task> served = [];
        try
        {
            while (true)
            {
                served.Add(ServeAsync(await _listener.AcceptTcpClientAsync(_stop.Token)));
            }
        }
        finally
        {
            await Task.WhenAll(served).ConfigureAwait(ConfigureAwaitOptions.SuppressThrowing);
        }
    }

    private async Task ServeAsync(TcpClient client)
    {
        using var near = client;
        using var far = new TcpClient();
        await far.ConnectAsync(_door.Host, _door.Port, _stop.Token);
        var there = near.GetStream().CopyToAsync(far.GetStream(), _stop.Token);
        var answer = new byte[64 * 1024];
        while (await far.GetStream().ReadAsync(answer, _stop.Token) is > 0 and var count)
        {
            if (_answersLost > 0)
            {
                _answersLost--;
                await near.GetStream().WriteAsync(answer.AsMemory(0, _inTheirMiddle ? count - 1 : 0), _stop.Token);
                return;
            }
            await near.GetStream().WriteAsync(answer.AsMemory(0, count), _stop.Token);
        }
        await there;
    }
}
