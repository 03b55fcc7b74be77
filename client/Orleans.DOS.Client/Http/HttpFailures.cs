using System.Net;
using System.Text.Json;
using System.Text.Json.Serialization.Metadata;
using Orleans.DOS.Machines;

namespace Orleans.DOS.Client.Http;

/// <summary>Turns what HTTP reports into the closed list of failures.</summary>
internal static class HttpFailures
{
    private const int ProblemBytesMax = 64 * 1024;

    /// <summary>The answer did not come, or not whole. (A time-out of an attempt shows as cancellation.)</summary>
    public static bool IsLostCall(Exception exception) => exception is HttpRequestException or IOException or OperationCanceledException or TimeoutException;

    /// <summary>No connection was made, so the node never saw the call.</summary>
    public static bool WasNotSent(Exception exception) =>
        exception is HttpRequestException { HttpRequestError: HttpRequestError.ConnectionError or HttpRequestError.NameResolutionError };

    public static async Task ThrowIfFailedAsync(HttpResponseMessage response, CancellationToken cancellationToken)
    {
        if (!response.IsSuccessStatusCode)
        {
            using (response)
            {
                throw (await ErrorAsync(response, cancellationToken).ConfigureAwait(false)).ToException();
            }
        }
    }

    /// <summary>Reads an answer, or a line of one. Whatever it is that says success and sends something else (a web server, a proxy's page), it is no node.</summary>
    public static T Json<T>(HttpResponseMessage response, ReadOnlySpan<byte> json, JsonTypeInfo<T> type)
    {
        try
        {
            return JsonSerializer.Deserialize(json, type) ?? throw NoNode(response);
        }
        catch (JsonException)
        {
            throw NoNode(response);
        }
    }

    public static DosException NoNode(HttpResponseMessage response) =>
        new(DosErrorCode.NotSupported, $"what answers at {response.RequestMessage?.RequestUri?.GetLeftPart(UriPartial.Authority)} is no node");

    private static async Task<DosError> ErrorAsync(HttpResponseMessage response, CancellationToken cancellationToken)
    {
        if (response.Content.Headers.ContentType?.MediaType == "application/problem+json" && response.Content.Headers.ContentLength is null or <= ProblemBytesMax)
        {
            try
            {
                var body = await response.Content.ReadAsByteArrayAsync(cancellationToken).ConfigureAwait(false);
                if (JsonSerializer.Deserialize(body, DosJson.Default.Problem) is { Code.Length: > 0 } problem)
                {
                    return problem.ToError();
                }
            }
            catch (JsonException)
            {
                // Not one of ours, e.g. a proxy's: the status says what is known.
            }
        }
        // A node tells a problem where it knows no such route, and never sends anybody elsewhere.
        return response.StatusCode is HttpStatusCode.NotFound or HttpStatusCode.MethodNotAllowed or (>= HttpStatusCode.MultipleChoices and < HttpStatusCode.BadRequest)
            ? NoNode(response).Error
            : new DosError(Code(response.StatusCode), $"the node answered with status {(int)response.StatusCode}");
    }

    private static DosErrorCode Code(HttpStatusCode status) => status switch
    {
        HttpStatusCode.BadRequest => DosErrorCode.InvalidArgument,
        HttpStatusCode.Unauthorized => DosErrorCode.Unauthenticated,
        HttpStatusCode.Forbidden => DosErrorCode.PermissionDenied,
        HttpStatusCode.RequestEntityTooLarge or HttpStatusCode.RequestUriTooLong or HttpStatusCode.RequestHeaderFieldsTooLarge => DosErrorCode.LimitExceeded,
        HttpStatusCode.BadGateway or HttpStatusCode.ServiceUnavailable => DosErrorCode.Unavailable,
        HttpStatusCode.GatewayTimeout => DosErrorCode.OutcomeUnknown,
        _ => DosErrorCode.Internal,
    };
}
