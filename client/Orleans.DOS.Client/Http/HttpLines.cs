using System.Text;

namespace Orleans.DOS.Client.Http;

/// <summary>The lines of an answer that goes on; a node that is silent for <see cref="CallBudget.Attempt"/> counts as lost.</summary>
internal sealed class HttpLines(HttpResponseMessage response) : IDisposable
{
    private StreamReader? _reader;

    public HttpResponseMessage Response => response;

    /// <returns>Null when the connection is lost or the answer has ended.</returns>
    public async Task<string?> NextAsync(CancellationToken cancellationToken)
    {
        using var silence = CancellationTokenSource.CreateLinkedTokenSource(cancellationToken);
        silence.CancelAfter(CallBudget.Attempt);
        try
        {
            _reader ??= new StreamReader(await response.Content.ReadAsStreamAsync(silence.Token).ConfigureAwait(false), Encoding.UTF8);
            return await _reader.ReadLineAsync(silence.Token).ConfigureAwait(false);
        }
        catch (Exception exception) when (HttpFailures.IsLostCall(exception) && !cancellationToken.IsCancellationRequested)
        {
            return null;
        }
    }

    public void Dispose()
    {
        _reader?.Dispose();
        response.Dispose();
    }
}
