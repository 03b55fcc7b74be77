using Microsoft.Extensions.Logging;
using Orleans.Concurrency;
using Orleans.DOS.Nodes;
using Orleans.Runtime;

namespace Orleans.DOS.Segments;

/// <summary>
/// The way to this node's <see cref="SegmentDoor"/> for other nodes. Calls interleave (a system target starts each at once), which the
/// door allows. Registered with AddGrainService.
/// </summary>
[Reentrant]
public sealed class SegmentService(GrainId id, Silo silo, ILoggerFactory loggers, SegmentDoor door) : GrainService(id, silo, loggers), ISegmentService
{
    public Task<ReplicaAnswer> CreateAsync(SegmentHeader segment) => door.CreateAsync(segment);

    public Task<ReplicaAnswer> AppendAsync(SegmentId segment, DiskId disk, long epoch, long offset, Immutable<byte[]> frames, bool sync) =>
        door.AppendAsync(segment, disk, epoch, offset, frames, sync);

    public Task<ReplicaAnswer> SyncAsync(SegmentId segment, DiskId disk, long epoch, long length) => door.SyncAsync(segment, disk, epoch, length);

    public Task<ReplicaAnswer> SealAsync(SegmentId segment, DiskId disk, long epoch, long? length) => door.SealAsync(segment, disk, epoch, length);

    public Task<ReplicaAnswer> StatAsync(SegmentId segment, DiskId disk) => door.StatAsync(segment, disk);

    public Task<SegmentChunk> ReadAsync(SegmentId segment, DiskId disk, long offset, int bytesMax) => door.ReadAsync(segment, disk, offset, bytesMax);

    public Task<ReplicaAnswer> CopyFromAsync(SegmentHeader segment, long epoch, NodeId source, DiskId sourceDisk, long length, bool seal, bool paced) =>
        door.CopyFromAsync(segment, epoch, source, sourceDisk, length, seal, paced);

    public Task<ReplicaAnswer> VerifyAsync(SegmentId segment, DiskId disk, long from, long length) => door.VerifyAsync(segment, disk, from, length);

    public Task<IReadOnlyList<long>> ListAsync(DiskId disk, long after, int countMax) => door.ListAsync(disk, after, countMax);

    public Task DeleteAsync(SegmentId segment, DiskId disk) => door.DeleteAsync(segment, disk);
}
