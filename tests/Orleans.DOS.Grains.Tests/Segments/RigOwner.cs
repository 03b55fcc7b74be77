using Orleans.DOS.Segments;

namespace Orleans.DOS.Grains.Tests.Segments;

/// <summary>An owner of one object: opened under an epoch of its own, knows what was replayed to it.</summary>
internal sealed class RigOwner
{
    private RigOwner(long epoch) => Epoch = epoch;

    public long Epoch { get; }
    public IObjectLog Log { get; private set; } = null!;
    public List<ReplayedFrame> Replayed { get; } = [];

    /// <summary>The numbers of the frames that it found.</summary>
    public IEnumerable<int> Found => Replayed.Select(frame => (int)frame.Fields.Position);

    /// <summary>Raises the epoch and opens the log at the node; time passes meanwhile.</summary>
    public static async Task<RigOwner> TakeAsync(
        SegmentRig rig, RigNode node, ObjectId target, int replicas = 3, (SegmentId Segment, long Offset)? replayFrom = null)
    {
        var owner = new RigOwner(await rig.OwnAsync(target));
        owner.Log = await rig.PassAsync(node.Logs.OpenAsync(target, owner.Epoch, replicas, replayFrom, owner.Replayed.Add));
        return owner;
    }

    public Task<FramePlace> AppendAsync(int number, bool durable = true, int bytes = 64) =>
        Log.AppendAsync(SegmentRig.Fields(number), SegmentRig.Payload(number, bytes), durable);

    public async Task<List<FramePlace>> AppendAsync(IEnumerable<int> numbers, bool durable = true) =>
        [.. await Task.WhenAll(numbers.Select(number => AppendAsync(number, durable)).ToList())];
}
