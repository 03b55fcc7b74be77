using Orleans.DOS.Catalog;

namespace Orleans.DOS.Files;

/// <summary>What was changed of names and metadata (table dos_changes), for watchers, kept for <see cref="Limits.ChangeRetention"/>.</summary>
internal static class ChangeTable
{
    /// <summary>Old rows deleted at once; bounds the transaction that sweeps.</summary>
    public const int SweepRowsMax = 1000;

    /// <summary>
    /// Looks at the rows with the lowest numbers only, so that it needs no index by age, which every change would pay for. Numbers come in blocks
    /// per node, so a young row may stand before older ones: those wait until it is old itself, at most once more as long.
    /// </summary>
    /// <returns>Rows deleted; the maximum means that there may be more.</returns>
    public static Task<int> SweepChangesAsync(this ICatalogSession session, long now) => session.ExecuteAsync(
        "DELETE FROM dos_changes WHERE change_id IN (SELECT o.change_id FROM (SELECT change_id, at FROM dos_changes ORDER BY change_id LIMIT @limit) o WHERE o.at < @before)",
        new { before = now - (long)Limits.ChangeRetention.TotalMicroseconds, limit = SweepRowsMax });
}
