using Microsoft.Extensions.Hosting;
using Microsoft.Extensions.Logging;
using Orleans.DOS.Catalog;
using Orleans.DOS.Nodes;

namespace Orleans.DOS.Segments;

/// <summary>
/// Looks after this node's own disk: reads every sealed segment on it, a disk once a week or as fast as the pace allows, and gives up
/// what fails, which <see cref="SegmentRepair"/> then fills up anew; and deletes files that no row names.
/// </summary>
public sealed partial class SegmentScrubber(ICatalog catalog, INodeView nodes, INodeClients clients, TimeProvider time, ILogger<SegmentScrubber> log) : BackgroundService
{
    private const int RowsMax = 256;
    private static readonly TimeSpan ScrubEvery = TimeSpan.FromDays(7);
    private static readonly TimeSpan SweepEvery = TimeSpan.FromMinutes(10);
    private static readonly TimeSpan Pause = TimeSpan.FromSeconds(30);

    private long _last;
    private DateTimeOffset _nextScrub = DateTimeOffset.MinValue;
    private DateTimeOffset _nextSweep = DateTimeOffset.MinValue;

    protected override async Task ExecuteAsync(CancellationToken stoppingToken)
    {
        while (!stoppingToken.IsCancellationRequested)
        {
            await Task.Delay(Pause, time, stoppingToken).ConfigureAwait(ConfigureAwaitOptions.SuppressThrowing);
            try
            {
                await RoundAsync(stoppingToken);
            }
            // A database or a disk that is away must not end it for ever.
            catch (Exception exception) when (!stoppingToken.IsCancellationRequested)
            {
                LogLater(log, exception);
            }
            catch (OperationCanceledException)
            {
                return;
            }
        }
    }

    /// <summary>One look at the clock, and what is due by it: a page of segments to read, and the files without a row.</summary>
    internal async Task RoundAsync(CancellationToken cancellationToken)
    {
        var now = time.GetUtcNow();
        if (now >= _nextSweep)
        {
            await SweepAsync(cancellationToken);
            _nextSweep = now + SweepEvery;
        }
        if (now < _nextScrub)
        {
            return;
        }
        _last = await ScrubPageAsync(_last, cancellationToken);
        _nextScrub = _last == 0 ? now + ScrubEvery : now;
    }

    /// <summary>Reads the segments of one page, each byte of them.</summary>
    /// <returns>The last of the page; 0 when there are no more.</returns>
    internal async Task<long> ScrubPageAsync(long after, CancellationToken cancellationToken)
    {
        var page = await catalog.ReadAsync(session => SegmentRows.SealedOnAsync(session, nodes.Disk, after, RowsMax), cancellationToken);
        foreach (var segment in page)
        {
            cancellationToken.ThrowIfCancellationRequested();
            if (await IsBadAsync(segment, cancellationToken))
            {
                var given = await catalog.WriteAsync(session => SegmentRows.LoseIfNotLastAsync(session, segment.SegmentId, nodes.Disk), cancellationToken);
                LogBad(log, segment.SegmentId, segment.Length, given > 0 ? "it is copied anew" : "no other replica is known as good");
            }
        }
        return page.Count == RowsMax ? page[^1].SegmentId : 0;
    }

    /// <summary>Deletes files that no row names. Listed before the names are read: see <see cref="DiskSweep"/>.</summary>
    internal async Task SweepAsync(CancellationToken cancellationToken)
    {
        var own = clients.Segments(nodes.Self);
        for (var after = 0L; await own.ListAsync(nodes.Disk, after, RowsMax) is { Count: > 0 } listed; after = listed[^1])
        {
            cancellationToken.ThrowIfCancellationRequested();
            var named = await catalog.ReadAsync(session => SegmentRows.NamedOnAsync(session, nodes.Disk, listed[0], listed[^1]), cancellationToken);
            foreach (var segment in DiskSweep.Unnamed(listed, named.ToHashSet()))
            {
                await own.DeleteAsync(new SegmentId(segment), nodes.Disk);
                LogUnnamed(log, segment);
            }
        }
    }

    /// <summary>True only when the disk says so: what is being deleted, or cannot be asked now, is not bad.</summary>
    private async Task<bool> IsBadAsync(SegmentRow segment, CancellationToken cancellationToken)
    {
        var (own, id) = (clients.Segments(nodes.Self), new SegmentId(segment.SegmentId));
        for (var from = 0L; from < segment.Length;)
        {
            cancellationToken.ThrowIfCancellationRequested();
            var answer = await own.VerifyAsync(id, nodes.Disk, from, segment.Length);
            if (answer.Outcome != ReplicaOutcome.Done)
            {
                return answer.Outcome is ReplicaOutcome.Failed or ReplicaOutcome.RefusedOffset or ReplicaOutcome.NoSuchSegment;
            }
            if (answer.Length <= from)
            {
                return true; // Shorter than what was sealed.
            }
            from = answer.Length;
        }
        return false;
    }

    [LoggerMessage(Level = LogLevel.Error, Message = "The replica of segment {Segment} ({Bytes} bytes) on this disk is bad: {What}")]
    private static partial void LogBad(ILogger log, long segment, long bytes, string what);

    [LoggerMessage(Level = LogLevel.Warning, Message = "Segment {Segment} lay on this disk without a row that names it, and was deleted")]
    private static partial void LogUnnamed(ILogger log, long segment);

    [LoggerMessage(Level = LogLevel.Information, Message = "Scrubbing goes on later")]
    private static partial void LogLater(ILogger log, Exception exception);
}
