using System.Diagnostics.CodeAnalysis;
using Orleans.Concurrency;
using Orleans.DOS.Nodes;

namespace Orleans.DOS.Segments;

/// <summary>
/// What this node answers for its <see cref="SegmentStore"/>: to owners on this node directly, to all others through
/// <see cref="SegmentService"/>. Calls come from any thread: the store's disk threads keep the order of what is posted, and this class
/// holds no state of its own.
/// </summary>
public sealed class SegmentDoor(SegmentStore store, INodeClients clients, TimeProvider time) : ISegmentService
{
    /// <summary>A sign of progress is due after this time: a fourth of the owner's patience (design: 250 ms against 1 s).</summary>
    private static readonly TimeSpan ProgressSign = TimeSpan.FromMilliseconds(250);
    /// <summary>How long a frame waits for those that it has overtaken.</summary>
    private static readonly TimeSpan OvertakenPatience = TimeSpan.FromMilliseconds(200);
    /// <summary>How long one call copies or verifies; the next goes on where it ended.</summary>
    private static readonly TimeSpan WorkMax = TimeSpan.FromSeconds(2);
    private const int ListMax = 10_000;
    private const int CopyBytes = 4 * FrameCodec.FrameBytesMax;
    private readonly Pace _pace = new(Limits.RepairBytesPerSecond, time);

    public Task<ReplicaAnswer> CreateAsync(SegmentHeader segment) =>
        IsWrong(segment.Disk, out var refusal) ? refusal : store.CreateAsync(segment);

    public Task<ReplicaAnswer> AppendAsync(SegmentId segment, DiskId disk, long epoch, long offset, Immutable<byte[]> frames, bool sync) =>
        IsWrong(disk, out var refusal) ? refusal
        : sync ? WithSignAsync(segment, AppendInOrderAsync(segment, epoch, offset, frames.Value, sync))
        : AppendInOrderAsync(segment, epoch, offset, frames.Value, sync);

    public Task<ReplicaAnswer> SyncAsync(SegmentId segment, DiskId disk, long epoch, long length) =>
        IsWrong(disk, out var refusal) ? refusal : WithSignAsync(segment, store.SyncAsync(segment, epoch, length));

    public Task<ReplicaAnswer> SealAsync(SegmentId segment, DiskId disk, long epoch, long? length) =>
        IsWrong(disk, out var refusal) ? refusal : store.SealAsync(segment, epoch, length);

    public Task<ReplicaAnswer> StatAsync(SegmentId segment, DiskId disk) =>
        IsWrong(disk, out var refusal) ? refusal : store.StatAsync(segment);

    public async Task<SegmentChunk> ReadAsync(SegmentId segment, DiskId disk, long offset, int bytesMax) =>
        IsWrong(disk, out var refusal) ? new SegmentChunk(await refusal, [])
        : await store.ReadAsync(segment, offset, Math.Clamp(bytesMax, 0, 16 * FrameCodec.FrameBytesMax));

    public async Task<ReplicaAnswer> CopyFromAsync(SegmentHeader segment, long epoch, NodeId source, DiskId sourceDisk, long length, bool seal, bool paced)
    {
        if (IsWrong(segment.Disk, out var refusal))
        {
            return await refusal;
        }
        var answer = await store.StatAsync(segment.Segment);
        if (answer.Rotten)
        {
            return await MendAsync(segment.Segment, epoch, clients.Segments(source), sourceDisk, length, seal, paced);
        }
        if (answer.Outcome == ReplicaOutcome.NoSuchSegment)
        {
            // Under the asking epoch: an older owner must find no place that is free again.
            answer = await store.CreateAsync(segment with { Epoch = epoch });
        }
        if (answer.Outcome == ReplicaOutcome.Done && answer.Length > length && seal)
        {
            // It was frozen and took, late, frames beyond the length at which the others were sealed.
            answer = await store.SealAsync(segment.Segment, epoch, length);
        }
        var from = clients.Segments(source);
        var started = time.GetTimestamp();
        while (answer.Outcome == ReplicaOutcome.Done && answer.Length < length)
        {
            if (time.GetElapsedTime(started) > WorkMax)
            {
                return answer with { Outcome = ReplicaOutcome.InProgress };
            }
            var bytes = (int)Math.Min(CopyBytes, length - answer.Length);
            if (paced)
            {
                await _pace.TakeAsync(bytes);
            }
            var chunk = await from.ReadAsync(segment.Segment, sourceDisk, answer.Length, bytes);
            if (chunk.Answer.Outcome != ReplicaOutcome.Done || chunk.Frames.Length == 0)
            {
                return answer with { Outcome = ReplicaOutcome.Failed };
            }
            answer = await store.CopyAsync(segment.Segment, epoch, answer.Length, chunk.Frames);
        }
        return answer.Outcome == ReplicaOutcome.Done ? await store.FinishCopyAsync(segment.Segment, seal) : answer;
    }

    /// <summary>
    /// Takes from the source what is bad here, and keeps what is good: the source may have a bad frame too, elsewhere, of which this is the last
    /// good copy. Whoever asks owns the epoch, or the catalog calls the segment sealed: here it is sealed first, so that nobody writes meanwhile.
    /// </summary>
    private async Task<ReplicaAnswer> MendAsync(SegmentId segment, long epoch, ISegmentService source, DiskId sourceDisk, long length, bool seal, bool paced)
    {
        var answer = await store.StatAsync(segment);
        answer = await store.SealAsync(segment, epoch, answer.Length > length ? length : null);
        var started = time.GetTimestamp();
        var at = store.MendedTo(segment);
        while (answer.Outcome == ReplicaOutcome.Done && at < length)
        {
            if (time.GetElapsedTime(started) > WorkMax)
            {
                store.SetMendedTo(segment, at);
                return answer with { Outcome = ReplicaOutcome.InProgress };
            }
            var bytes = (int)Math.Min(CopyBytes, length - at);
            if (paced)
            {
                await _pace.TakeAsync(bytes);
            }
            var own = await store.ReadAsync(segment, at, bytes);
            if (own.Frames.Length > 0)
            {
                at += own.Frames.Length;
                continue;
            }
            // One frame where others follow that may be good; behind the end as many as there are.
            var chunk = await source.ReadAsync(segment, sourceDisk, at, at < answer.Length ? 0 : bytes);
            if (chunk.Answer.Outcome != ReplicaOutcome.Done || chunk.Frames.Length == 0)
            {
                answer = answer with { Outcome = ReplicaOutcome.Failed };
                break;
            }
            answer = await store.MendAsync(segment, epoch, at, chunk.Frames);
            at += chunk.Frames.Length;
        }
        store.SetMendedTo(segment, 0);
        return answer.Outcome == ReplicaOutcome.Done ? await store.FinishCopyAsync(segment, seal) : answer;
    }

    public async Task<ReplicaAnswer> VerifyAsync(SegmentId segment, DiskId disk, long from, long length)
    {
        if (IsWrong(disk, out var refusal))
        {
            return await refusal;
        }
        var started = time.GetTimestamp();
        while (from < length && time.GetElapsedTime(started) < WorkMax)
        {
            await _pace.TakeAsync((int)Math.Min(CopyBytes, length - from));
            var answer = await store.VerifyAsync(segment, from, (int)Math.Min(CopyBytes, length - from));
            if (answer.Outcome != ReplicaOutcome.Done)
            {
                return answer;
            }
            if (answer.Length <= from)
            {
                break; // Shorter than who asks believes.
            }
            from = answer.Length;
        }
        return (await store.StatAsync(segment)) with { Length = from };
    }

    public Task<IReadOnlyList<long>> ListAsync(DiskId disk, long after, int countMax) => Task.FromResult<IReadOnlyList<long>>(
        IsWrong(disk, out _) ? [] : [.. store.Segments.Where(segment => segment > after).Order().Take(Math.Clamp(countMax, 1, ListMax))]);

    public Task DeleteAsync(SegmentId segment, DiskId disk) => IsWrong(disk, out _) ? Task.CompletedTask : store.DeleteAsync(segment);

    /// <summary>
    /// Orleans hands the messages of one connection to the thread pool one by one, so a frame may overtake those before it: it waits
    /// for them. One that still does not fit is refused, and its owner sends again.
    /// </summary>
    private async Task<ReplicaAnswer> AppendInOrderAsync(SegmentId segment, long epoch, long offset, byte[] frames, bool sync)
    {
        var answer = await store.AppendAsync(segment, epoch, offset, frames, sync);
        if (answer.Outcome != ReplicaOutcome.RefusedOffset || answer.Length >= offset)
        {
            return answer;
        }
        using var patience = new CancellationTokenSource(OvertakenPatience, time);
        await store.ReachedAsync(segment, offset, patience.Token);
        return await store.AppendAsync(segment, epoch, offset, frames, sync);
    }

    private bool IsWrong(DiskId disk, [NotNullWhen(true)] out Task<ReplicaAnswer>? refusal)
    {
        refusal = disk == store.Id ? null : Task.FromResult(new ReplicaAnswer { Outcome = ReplicaOutcome.WrongDisk, Damaged = true });
        return refusal is not null;
    }

    /// <summary>Answers InProgress when the disk takes long; the owner asks again, and knows that this node lives.</summary>
    private async Task<ReplicaAnswer> WithSignAsync(SegmentId segment, Task<ReplicaAnswer> work)
    {
        if (work.IsCompleted)
        {
            return await work;
        }
        try
        {
            return await work.WaitAsync(ProgressSign, time);
        }
        catch (TimeoutException) when (!work.IsCompleted)
        {
            // Still at it.
        }
        var now = await store.StatAsync(segment);
        return now.Outcome == ReplicaOutcome.Done ? now with { Outcome = ReplicaOutcome.InProgress } : now;
    }
}
