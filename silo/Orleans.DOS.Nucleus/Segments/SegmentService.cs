using System.Diagnostics.CodeAnalysis;
using Microsoft.Extensions.Logging;
using Orleans.Concurrency;
using Orleans.DOS.Nodes;
using Orleans.Runtime;

namespace Orleans.DOS.Segments;

/// <summary>
/// The door to this node's <see cref="SegmentStore"/>. Calls interleave (a system target starts each at once): the store's disk
/// threads keep the order of what is posted, and this class holds no state of its own. Registered with AddGrainService.
/// </summary>
[Reentrant]
public sealed class SegmentService(GrainId id, Silo silo, ILoggerFactory loggers, SegmentStore store, INodeClients clients, TimeProvider time)
    : GrainService(id, silo, loggers), ISegmentService
{
    /// <summary>A sign of progress is due after this time: a fourth of the owner's patience (design: 250 ms against 1 s).</summary>
    private static readonly TimeSpan ProgressSign = TimeSpan.FromMilliseconds(250);
    /// <summary>How long a frame waits for those that it has overtaken.</summary>
    private static readonly TimeSpan OvertakenPatience = TimeSpan.FromMilliseconds(200);
    private const int CopyBytes = 4 * FrameCodec.FrameBytesMax;

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

    public async Task<ReplicaAnswer> CopyFromAsync(SegmentHeader segment, long epoch, NodeId source, DiskId sourceDisk, long length, bool seal)
    {
        if (IsWrong(segment.Disk, out var refusal))
        {
            return await refusal;
        }
        var answer = await store.StatAsync(segment.Segment);
        if (answer.Outcome == ReplicaOutcome.NoSuchSegment)
        {
            answer = await store.CreateAsync(segment);
        }
        if (answer.Outcome == ReplicaOutcome.Done && answer.Length > length && seal)
        {
            // It was frozen and took, late, frames beyond the length at which the others were sealed.
            answer = await store.SealAsync(segment.Segment, epoch, length);
        }
        var from = clients.Segments(source);
        while (answer.Outcome == ReplicaOutcome.Done && answer.Length < length)
        {
            var bytes = (int)Math.Min(CopyBytes, length - answer.Length);
            var chunk = await from.ReadAsync(segment.Segment, sourceDisk, answer.Length, bytes);
            if (chunk.Answer.Outcome != ReplicaOutcome.Done || chunk.Frames.Length == 0)
            {
                return answer with { Outcome = ReplicaOutcome.Failed };
            }
            answer = await store.CopyAsync(segment.Segment, epoch, answer.Length, chunk.Frames);
        }
        return answer.Outcome == ReplicaOutcome.Done ? await store.FinishCopyAsync(segment.Segment, seal) : answer;
    }

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
        using var stop = new CancellationTokenSource();
        var sign = Task.Delay(ProgressSign, time, stop.Token);
        if (await Task.WhenAny(work, sign) == work)
        {
            await stop.CancelAsync();
            return await work;
        }
        var now = await store.StatAsync(segment);
        return now.Outcome == ReplicaOutcome.Done ? now with { Outcome = ReplicaOutcome.InProgress } : now;
    }
}
