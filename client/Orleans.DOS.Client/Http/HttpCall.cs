using System.Text.Json.Serialization.Metadata;
using System.Text.Json;

namespace Orleans.DOS.Client.Http;

/// <summary>One call as data, so that it can be sent again.</summary>
/// <param name="Target">Path and query, escaped.</param>
internal sealed record HttpCall(HttpMethod Method, string Target)
{
    public const string Bytes = "application/octet-stream";

    public ReadOnlyMemory<byte>? Body { get; init; }
    public string BodyType { get; init; } = Bytes;
    /// <summary>Carries a request id, and fails as OutcomeUnknown when no answer is heard.</summary>
    public bool Changes { get; init; } = true;
    /// <summary>Answered when something happens, or after <see cref="Limits.LongPollMax"/>.</summary>
    public bool LongPoll { get; init; }

    public static HttpCall Get(string target) => new(HttpMethod.Get, target) { Changes = false };
    public static HttpCall Poll(HttpMethod method, string target) => new(method, target) { Changes = false, LongPoll = true };
    public static HttpCall Post(string target) => new(HttpMethod.Post, target);
    public static HttpCall Put(string target, ReadOnlyMemory<byte> body) => new(HttpMethod.Put, target) { Body = body };
    public static HttpCall Delete(string target) => new(HttpMethod.Delete, target);

    public static HttpCall PostJson<T>(string target, T value, JsonTypeInfo<T> type) =>
        new(HttpMethod.Post, target) { Body = JsonSerializer.SerializeToUtf8Bytes(value, type), BodyType = "application/json" };
}
