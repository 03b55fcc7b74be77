using System.Globalization;
using System.Net.Sockets;
using System.Text;

namespace Orleans.DOS.Tests.Http;

/// <summary>Requests byte by byte as they stand here: a client library would mend what the tests want to be broken.</summary>
internal static class RawRequest
{
    /// <param name="Status">0 when the server broke off without an answer.</param>
    public sealed record Answer(int Status, string Text);

    public static Task<Answer> SendAsync(Uri url, string request) => SendAsync(url, Encoding.Latin1.GetBytes(request));

    public static async Task<Answer> SendAsync(Uri url, byte[] request)
    {
        using var timeout = new CancellationTokenSource(TimeSpan.FromSeconds(20));
        using var client = new TcpClient();
        await client.ConnectAsync(url.Host, url.Port, timeout.Token);
        var stream = client.GetStream();
        var received = new MemoryStream();
        try
        {
            await stream.WriteAsync(request, timeout.Token);
            await stream.CopyToAsync(received, timeout.Token);
        }
        catch (IOException)
        {
            // The server closes as soon as it has seen enough; what it said before counts.
        }
        var text = Encoding.Latin1.GetString(received.ToArray());
        return new Answer(text.StartsWith("HTTP/1.1 ", StringComparison.Ordinal) ? int.Parse(text.AsSpan(9, 3), CultureInfo.InvariantCulture) : 0, text);
    }
}
