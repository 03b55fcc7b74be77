using System.Collections.Concurrent;
using Orleans.Concurrency;
using Orleans.DOS.Nodes;
using Orleans.DOS.Processes;
using Orleans.DOS.Segments;

namespace Orleans.DOS.Grains.Tests.Segments;

/// <summary>One call from a node to a segment service, as the network sees it.</summary>
internal sealed record NodeCall(NodeId From, NodeId To, string Name, SegmentId Segment, long Epoch, long Offset, int Bytes, bool Sync)
{
    /// <summary>Of an append: carries it out without its sync (a disk that is still at it).</summary>
    public Func<Task<ReplicaAnswer>>? Unsynced { get; init; }
}

/// <summary>Carries the call out; more than once if a test repeats it. The last answer is what the caller gets.</summary>
internal sealed class Delivery(Func<Task<object?>> run)
{
    public object? Answer { get; set; }
    public async Task RunAsync() => Answer = await run();
}

/// <summary>What becomes of a call: null leaves it to the next rule; otherwise the task that must end before the caller has its answer.</summary>
internal delegate Task? Bend(NodeCall call, Delivery delivery);

/// <summary>Ours is not to answer: the process of the caller is gone.</summary>
internal sealed class RigCrash(string step) : Exception($"crashed at {step}");

/// <summary>The network between the nodes: each call goes through the rules of the test, first match first.</summary>
internal sealed class RigNetwork(SegmentRig rig)
{
    private readonly List<Bend> _bends = [];
    private readonly Lock _gate = new();

    public ConcurrentQueue<NodeCall> Sent { get; } = new();

    /// <summary>Until the answer is disposed of, calls go by this rule first.</summary>
    public IDisposable Bend(Bend bend)
    {
        lock (_gate)
        {
            _bends.Insert(0, bend);
        }
        return new Unbend(this, bend);
    }

    public IDisposable Bend(Func<NodeCall, bool> which, Func<Delivery, Task> how) => Bend((call, delivery) => which(call) ? how(delivery) : null);

    public INodeClients From(NodeId node) => new Clients(this, node);

    /// <summary>Neither delivered nor answered.</summary>
    public static Task Hang(Delivery delivery) => new TaskCompletionSource().Task;

    /// <summary>The connection is refused: nothing was carried out.</summary>
    public static Task Refuse(Delivery delivery) => Task.FromException(new DosException(DosErrorCode.Unavailable, "refused"));

    public static Task LoseRequest(Delivery delivery) => Task.FromException(new TimeoutException("the request was lost"));

    public static async Task LoseAnswer(Delivery delivery)
    {
        await delivery.RunAsync();
        throw new TimeoutException("the answer was lost");
    }

    public static async Task Repeat(Delivery delivery)
    {
        var again = delivery.RunAsync();
        await delivery.RunAsync();
        await again;
    }

    private async Task<T> SendAsync<T>(NodeCall call, Func<ISegmentService, Task<T>> act)
    {
        Sent.Enqueue(call);
        var delivery = new Delivery(async () =>
        {
            using (rig.Work())
            {
                return await act(rig[call.To].RunningService);
            }
        });
        Bend[] bends;
        lock (_gate)
        {
            bends = [.. _bends];
        }
        var way = bends.Select(bend => bend(call, delivery)).FirstOrDefault(way => way is not null);
        await (way ?? delivery.RunAsync());
        return (T)delivery.Answer!;
    }

    private sealed class Unbend(RigNetwork network, Bend bend) : IDisposable
    {
        public void Dispose()
        {
            lock (network._gate)
            {
                network._bends.Remove(bend);
            }
        }
    }

    private sealed class Clients(RigNetwork network, NodeId from) : INodeClients
    {
        public ISegmentService Segments(NodeId node) => network.IsActive(node)
            ? new Service(network, from, node)
            : throw new DosException(DosErrorCode.Unavailable, $"node {node} is not Active");

        public IProgramHostService Programs(NodeId node) => throw new NotSupportedException();
        public INodeService Node(NodeId node) => throw new NotSupportedException();
    }

    private bool IsActive(NodeId node) => rig[node].IsActive;

    /// <summary>One node's segment service as another sees it.</summary>
    private sealed class Service(RigNetwork network, NodeId from, NodeId to) : ISegmentService
    {
        public Task<ReplicaAnswer> CreateAsync(SegmentHeader segment) =>
            network.SendAsync(Call("Create", segment.Segment, segment.Epoch, 0), service => service.CreateAsync(segment));

        public Task<ReplicaAnswer> AppendAsync(SegmentId segment, DiskId disk, long epoch, long offset, Immutable<byte[]> frames, bool sync) =>
            network.SendAsync(
                Call("Append", segment, epoch, offset) with
                {
                    Bytes = frames.Value.Length, Sync = sync,
                    Unsynced = () => network.Run(to, service => service.AppendAsync(segment, disk, epoch, offset, frames, false)),
                },
                service => service.AppendAsync(segment, disk, epoch, offset, frames, sync));

        public Task<ReplicaAnswer> SyncAsync(SegmentId segment, DiskId disk, long epoch, long length) => network.SendAsync(
            Call("Sync", segment, epoch, length) with { Unsynced = () => network.Run(to, service => service.StatAsync(segment, disk)) },
            service => service.SyncAsync(segment, disk, epoch, length));

        public Task<ReplicaAnswer> SealAsync(SegmentId segment, DiskId disk, long epoch, long? length) =>
            network.SendAsync(Call("Seal", segment, epoch, length ?? -1), service => service.SealAsync(segment, disk, epoch, length));

        public Task<ReplicaAnswer> StatAsync(SegmentId segment, DiskId disk) =>
            network.SendAsync(Call("Stat", segment, 0, 0), service => service.StatAsync(segment, disk));

        public Task<SegmentChunk> ReadAsync(SegmentId segment, DiskId disk, long offset, int bytesMax) =>
            network.SendAsync(Call("Read", segment, 0, offset), service => service.ReadAsync(segment, disk, offset, bytesMax));

        public Task<ReplicaAnswer> CopyFromAsync(SegmentHeader segment, long epoch, NodeId source, DiskId sourceDisk, long length, bool seal, bool paced) => network.SendAsync(
            Call("CopyFrom", segment.Segment, epoch, length), service => service.CopyFromAsync(segment, epoch, source, sourceDisk, length, seal, paced));

        public Task<ReplicaAnswer> VerifyAsync(SegmentId segment, DiskId disk, long from, long length) => network.SendAsync(
            Call("Verify", segment, 0, from), service => service.VerifyAsync(segment, disk, from, length));

        public Task<IReadOnlyList<long>> ListAsync(DiskId disk, long after, int countMax) => network.SendAsync(
            Call("List", default, 0, after), service => service.ListAsync(disk, after, countMax));

        public async Task DeleteAsync(SegmentId segment, DiskId disk) => await network.SendAsync(Call("Delete", segment, 0, 0), async service =>
        {
            await service.DeleteAsync(segment, disk);
            return true;
        });

        private NodeCall Call(string name, SegmentId segment, long epoch, long offset) => new(from, to, name, segment, epoch, offset, 0, false);
    }

    private async Task<ReplicaAnswer> Run(NodeId node, Func<ISegmentService, Task<ReplicaAnswer>> act)
    {
        using (rig.Work())
        {
            return await act(rig[node].RunningService);
        }
    }
}
