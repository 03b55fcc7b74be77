using System.Globalization;
using System.Text.Json;
using System.Text.Json.Serialization.Metadata;
using Microsoft.AspNetCore.Http;
using Microsoft.AspNetCore.Http.Features;
using Orleans.DOS.Files;
using Orleans.DOS.Machines;
using Orleans.DOS.Security;

namespace Orleans.DOS.Http;

/// <summary>One authenticated call: who, which machine, and strict access to what stands in path, query and body.</summary>
/// <param name="waiting">See <see cref="Waiting"/>.</param>
internal sealed class DosCall(HttpContext http, Caller caller, IMachines machines, CancellationToken waiting)
{
    public const string MainName = "main";
    private const string RequestIdHeader = "Request-Id";

    public HttpContext Http => http;
    public HttpRequest Request => http.Request;
    public HttpResponse Response => http.Response;
    public Caller Caller => caller;
    public CancellationToken Aborted => http.RequestAborted;

    /// <summary>
    /// For what waits until something happens, or goes on until something ends: cancelled when nobody listens any more, and when the
    /// node begins to stop, since it may not wait for what another node can tell as well.
    /// </summary>
    public CancellationToken Waiting => waiting;

    /// <summary>The machine of the path (<c>main</c> for routes without one), as the caller, with the request id that he gave.</summary>
    public IMachine Machine() => machines.Open(Request.RouteValues["machine"] as string ?? MainName, caller, RequestId());

    public bool Flag(string name) => Request.Query.TryGetValue(name, out var values) && values.ToString() switch
    {
        "" or "true" or "1" => true,
        "false" or "0" => false,
        _ => throw Invalid($"'{name}' is a flag: no value, true or false"),
    };

    public bool Has(string name) => Request.Query.ContainsKey(name);

    public string? Text(string name) => Request.Query.TryGetValue(name, out var values) ? values.ToString() : null;

    public long Number(string name, long missing) => Text(name) is not { } text
        ? missing
        : long.TryParse(text, NumberStyles.None, CultureInfo.InvariantCulture, out var value) ? value : throw Invalid($"'{name}' is a whole number, not negative");

    public long Number(string name) => Has(name) ? Number(name, 0) : throw Invalid($"'{name}' is missing");

    public int PageLimit() => Number("limit", Limits.PageEntriesMax) is var limit and >= 1 and <= Limits.PageEntriesMax
        ? (int)limit
        : throw Invalid($"'limit' is 1 to {Limits.PageEntriesMax}");

    /// <summary>In octal, e.g. 644.</summary>
    public int Mode(int missing)
    {
        if (Text("mode") is not { } text)
        {
            return missing;
        }
        return text.Length is >= 1 and <= 4 && text.All(static c => c is >= '0' and <= '7') && Convert.ToInt32(text, 8) is var mode and <= 0b111_111_111
            ? mode
            : throw Invalid("'mode' is octal, 0 to 777");
    }

    public FileOpenOptions OpenOptions(bool create, bool truncate) => new()
    {
        Create = create,
        Exclusive = Flag("exclusive"),
        Truncate = truncate,
        Mode = Mode(0b110_100_100),
        Replicas = Number("replicas", 0) is var replicas and <= Limits.ReplicasMax ? (int)replicas : throw Invalid($"'replicas' is 0 to {Limits.ReplicasMax}"),
        Durable = Flag("durable"),
    };

    /// <summary>A number that stands in the path.</summary>
    public long RouteNumber(string name) =>
        long.TryParse(Request.RouteValues[name] as string, NumberStyles.None, CultureInfo.InvariantCulture, out var value)
            ? value
            : throw Invalid($"'{name}' in the path is a whole number");

    /// <summary>The whole body, which may not be longer than <paramref name="bytesMax"/>.</summary>
    public async Task<byte[]> BodyAsync(int bytesMax)
    {
        if (Request.ContentLength > bytesMax)
        {
            throw new DosException(DosErrorCode.LimitExceeded, $"the body has at most {bytesMax} bytes here");
        }
        var buffer = new byte[(int)(Request.ContentLength ?? bytesMax) + 1];
        var filled = await Request.Body.ReadAtLeastAsync(buffer, buffer.Length, throwOnEndOfStream: false, Aborted).ConfigureAwait(false);
        return filled <= bytesMax
            ? buffer[..filled]
            : throw new DosException(DosErrorCode.LimitExceeded, $"the body has at most {bytesMax} bytes here");
    }

    public async Task<T> JsonBodyAsync<T>(JsonTypeInfo<T> type)
    {
        var body = await BodyAsync(Limits.RequestBodyBytesMax).ConfigureAwait(false);
        try
        {
            return JsonSerializer.Deserialize(body, type) ?? throw Invalid("the body is null");
        }
        catch (JsonException exception)
        {
            throw Invalid($"the body is not the JSON that is asked for here (line {exception.LineNumber + 1}, {exception.Path})");
        }
    }

    /// <summary>File content may be of any length; it never waits in memory beyond the write window.</summary>
    public void AllowLongBody()
    {
        if (Http.Features.Get<IHttpMaxRequestBodySizeFeature>() is { IsReadOnly: false } feature)
        {
            feature.MaxRequestBodySize = null;
        }
    }

    public Task AnswerAsync<T>(T value, JsonTypeInfo<T> type, int status = StatusCodes.Status200OK)
    {
        Response.StatusCode = status;
        return Response.WriteAsJsonAsync(value, type, cancellationToken: Aborted);
    }

    public Task AnswerAsync(FileStat stat, int status = StatusCodes.Status200OK)
    {
        Response.Headers.ETag = FileTag.Of(stat);
        return AnswerAsync(stat, DosJson.Default.FileStat, status);
    }

    public Task AnswerNothing()
    {
        Response.StatusCode = StatusCodes.Status204NoContent;
        return Task.CompletedTask;
    }

    public static DosException Invalid(string message) => new(DosErrorCode.InvalidArgument, message);

    private RequestId? RequestId()
    {
        var header = Request.Headers[RequestIdHeader];
        if (header.Count == 0)
        {
            return null;
        }
        if (!DOS.RequestId.TryParse(header.ToString(), out var id))
        {
            throw Invalid($"{RequestIdHeader} is 16 hexadecimal digits, a dot and a number");
        }
        Response.Headers[RequestIdHeader] = id.ToString();
        return id;
    }
}
