using System.Globalization;
using System.Text;
using Microsoft.AspNetCore.Http;
using Orleans.DOS.Machines;

namespace Orleans.DOS.Http;

/// <summary>Writes a failure as RFC 9457 problem.</summary>
internal static class ProblemAnswer
{
    private const string MediaType = "application/problem+json";

    /// <param name="headers">Sets what headers the answer has beside the problem.</param>
    public static async Task WriteAsync(HttpContext http, DosError error, int? status = null, Action<IHeaderDictionary>? headers = null)
    {
        if (http.Response.HasStarted)
        {
            // Too late for a problem: breaking off tells the client that what it has is not whole.
            http.Abort();
            return;
        }
        var problem = new Problem
        {
            Title = Words(error.Code),
            Status = status ?? ErrorStatus.Of(error.Code),
            Detail = error.Message,
            Code = error.Code.ToString(),
            RetryAfter = error.RetryAfter?.TotalSeconds,
        };
        http.Response.Clear();
        http.Response.StatusCode = problem.Status;
        headers?.Invoke(http.Response.Headers);
        if (error.Code == DosErrorCode.Unauthenticated)
        {
            http.Response.Headers.WWWAuthenticate = "Bearer";
        }
        if (error.RetryAfter is { } wait)
        {
            http.Response.Headers.RetryAfter = ((long)Math.Ceiling(wait.TotalSeconds)).ToString(CultureInfo.InvariantCulture);
        }
        await http.Response.WriteAsJsonAsync(problem, DosJson.Default.Problem, MediaType).ConfigureAwait(false);
    }

    // NoSuchPath -> "No such path"
    private static string Words(DosErrorCode code)
    {
        var words = new StringBuilder();
        foreach (var c in code.ToString())
        {
            words.Append(words.Length > 0 && char.IsUpper(c) ? " " : "").Append(words.Length > 0 ? char.ToLowerInvariant(c) : c);
        }
        return words.ToString();
    }
}
