using System.Text.Json;
using Orleans.DOS.Catalog;
using Orleans.DOS.Security;

namespace Orleans.DOS.Files;

/// <summary>
/// Which requests were carried out, with their answers (table dos_requests), written in the transaction of the effect: a repeat is
/// answered, not done again.
/// </summary>
internal static class RequestTable
{
    /// <summary>Expired rows deleted at once; bounds the transaction that sweeps.</summary>
    public const int SweepRowsMax = 1000;

    /// <exception cref="DosException">InvalidArgument: a call that changes something without a request id.</exception>
    public static void CheckRequest(CallContext context)
    {
        if (context.Request == RequestId.None)
        {
            throw new DosException(DosErrorCode.InvalidArgument, "a call that changes something needs a request id");
        }
    }

    /// <summary>The answer given before, or nothing.</summary>
    /// <exception cref="DosException">StepDiverged: the id was used for another request.</exception>
    public static async Task<(bool Found, T? Answer)> FindAnswerAsync<T>(this ICatalogSession session, CallContext context, long hash)
    {
        var row = await session.QueryFirstAsync<RequestRow>(
            "SELECT hash AS Hash, answer AS Answer FROM dos_requests WHERE machine_id = @machine AND sender = @sender AND number = @number", Key(context));
        if (row is null)
        {
            return (false, default);
        }
        if (row.Hash != hash)
        {
            throw new DosException(DosErrorCode.StepDiverged, $"request {context.Request} was already used for something else");
        }
        return (true, JsonSerializer.Deserialize<T>(row.Answer));
    }

    /// <exception cref="ChangedMeanwhileException">The same request was carried out by another activation at the same time.</exception>
    public static void RecordAnswer<T>(this ICatalogSession session, CallContext context, long hash, T answer, long now) =>
        session.Expect(
            1,
            "INSERT INTO dos_requests(machine_id, sender, number, hash, answer, expires_at) VALUES (@machine, @sender, @number, @hash, @answer, @expires) ON CONFLICT DO NOTHING",
            new
            {
                machine = context.Machine.Value, sender = context.Request.Sender, number = context.Request.Number, hash,
                answer = Encode(answer), expires = now + (long)Limits.RequestRetention.TotalMicroseconds,
            });

    /// <summary>The stored form of an answer.</summary>
    public static byte[] Encode<T>(T answer) => JsonSerializer.SerializeToUtf8Bytes(answer);

    /// <returns>Rows deleted; the maximum means that there may be more.</returns>
    public static Task<int> SweepRequestsAsync(this ICatalogSession session, long now) =>
        session.ExecuteAsync(
            "DELETE FROM dos_requests WHERE (machine_id, sender, number) IN "
            + "(SELECT machine_id, sender, number FROM dos_requests WHERE expires_at < @now ORDER BY expires_at LIMIT @limit)",
            new { now, limit = SweepRowsMax });

    private static object Key(CallContext context) =>
        new { machine = context.Machine.Value, sender = context.Request.Sender, number = context.Request.Number };

    private sealed class RequestRow
    {
        public long Hash { get; set; }
        public byte[] Answer { get; set; } = [];
    }
}
