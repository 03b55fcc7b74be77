using System.Threading.Channels;
using Microsoft.Extensions.Logging.Abstractions;
using Microsoft.Extensions.Time.Testing;
using Orleans.Concurrency;
using Orleans.DOS.Nodes;
using Orleans.DOS.Processes;
using Orleans.DOS.Segments;
using Xunit;

namespace Orleans.DOS.Grains.Tests.Segments;

/// <summary>The door of a real store: signs of progress while its disk is at it, and a rate for what nobody waits for.</summary>
public sealed class SegmentDoorTests : IDisposable
{
    private const int Pieces = 16, FramesOfAPiece = 4, PieceBytes = FramesOfAPiece * FrameCodec.FrameBytesMax;
    private static readonly TimeSpan Patience = TimeSpan.FromSeconds(60), Sign = TimeSpan.FromMilliseconds(250);
    private static readonly TimeSpan PieceTime = TimeSpan.FromSeconds((double)PieceBytes / Limits.RepairBytesPerSecond);

    /// <summary>Timers count whole milliseconds.</summary>
    private static readonly TimeSpan Tick = TimeSpan.FromMilliseconds(1);
    private static readonly ObjectId Target = new(ObjectKind.File, 5);
    private readonly ArmedTime _time = new();
    private readonly List<(SegmentStore Store, string Directory)> _stores = [];

    public void Dispose()
    {
        foreach (var (store, directory) in _stores)
        {
            store.Dispose();
            Directory.Delete(directory, recursive: true);
        }
    }

    [Fact]
    public async Task Append_WhileTheDiskTakesLong_GivesASignEachQuarterOfASecond_AndIsDoneWhenItIs()
    {
        var (store, door) = Open();
        await CreateAsync(store, 77);
        using var isSyncing = new ManualResetEventSlim();
        using var goOn = new ManualResetEventSlim();
        var flush = store.Journal.Flush;
        store.Journal.Flush = handle =>
        {
            isSyncing.Set();
            goOn.Wait(Patience);
            flush(handle);
        };
        var frame = Frame(77, 0, 8);
        var append = door.AppendAsync(new(77), store.Id, 1, 0, frame.AsImmutable(), sync: true);
        Assert.True(await Task.Run(() => isSyncing.Wait(Patience)));
        _time.Advance(Sign - TimeSpan.FromMilliseconds(1));
        Assert.False(append.IsCompleted);
        _time.Advance(TimeSpan.FromMilliseconds(1));
        Assert.Equal((ReplicaOutcome.InProgress, frame.Length, 0), Told(await append.WaitAsync(Patience)));

        // The owner asks again, and is told again.
        var sync = door.SyncAsync(new(77), store.Id, 1, frame.Length);
        _time.Advance(Sign);
        Assert.Equal((ReplicaOutcome.InProgress, frame.Length, 0), Told(await sync.WaitAsync(Patience)));

        sync = door.SyncAsync(new(77), store.Id, 1, frame.Length);
        goOn.Set();
        Assert.Equal((ReplicaOutcome.Done, frame.Length, frame.Length), Told(await sync.WaitAsync(Patience)));
        append = door.AppendAsync(new(77), store.Id, 1, 0, frame.AsImmutable(), sync: true);
        Assert.Equal((ReplicaOutcome.Done, frame.Length, frame.Length), Told(await append.WaitAsync(Patience)));
    }

    [Fact]
    public async Task PacedCopy_MovesNoFasterThanTheRate()
    {
        var (source, _) = Open();
        await FillAsync(source, 77, Pieces);
        var (target, door) = Open(Door(source));
        // The first piece need not wait: 15 of 16 do.
        AssertWaited(Pieces - 1, await ElapsedAsync(CopyAsync(door, target, source, 77, Pieces, paced: true)));
        // Whoever waits for a copy gets it at once.
        await FillAsync(source, 78, Pieces);
        Assert.Equal(TimeSpan.Zero, await ElapsedAsync(CopyAsync(door, target, source, 78, Pieces, paced: false)));
    }

    [Fact]
    public async Task PacedWorkOfANode_SharesTheRate()
    {
        var (source, _) = Open();
        var (target, door) = Open(Door(source));
        await FillAsync(source, 77, Pieces / 2);
        await FillAsync(source, 78, Pieces / 2);
        await FillAsync(target, 79, Pieces / 2);
        var elapsed = await ElapsedAsync(
            CopyAsync(door, target, source, 77, Pieces / 2, paced: true), CopyAsync(door, target, source, 78, Pieces / 2, paced: true), VerifyAsync(door, target, 79, Pieces / 2));
        AssertWaited((3 * Pieces / 2) - 1, elapsed);
    }

    private static void AssertWaited(int pieces, TimeSpan elapsed) => Assert.InRange(elapsed, (pieces * PieceTime) - Tick, (pieces * PieceTime) + Tick);

    private static (ReplicaOutcome, long, long) Told(ReplicaAnswer answer) => (answer.Outcome, answer.Length, answer.SyncedLength);

    /// <summary>Moves the clock only to where the work waits for it, and answers how far.</summary>
    private async Task<TimeSpan> ElapsedAsync(params Task[] works)
    {
        var (work, start) = (Task.WhenAll(works), _time.GetTimestamp());
        while (!work.IsCompleted)
        {
            var armed = _time.Armed.WaitToReadAsync().AsTask();
            await Task.WhenAny(work, armed).WaitAsync(Patience);
            while (_time.Armed.TryRead(out var due))
            {
                _time.AdvanceTo(due);
            }
        }
        await work;
        return _time.GetElapsedTime(start);
    }

    private static async Task CopyAsync(SegmentDoor door, SegmentStore target, SegmentStore source, long segment, int pieces, bool paced)
    {
        var answer = await door.CopyFromAsync(Header(target, segment), 1, new NodeId("source"), source.Id, (long)pieces * PieceBytes, seal: true, paced);
        Assert.Equal((ReplicaOutcome.Done, (long)pieces * PieceBytes, true), (answer.Outcome, answer.Length, answer.Sealed));
    }

    private static async Task VerifyAsync(SegmentDoor door, SegmentStore store, long segment, int pieces)
    {
        var answer = await door.VerifyAsync(new(segment), store.Id, 0, (long)pieces * PieceBytes);
        Assert.Equal((ReplicaOutcome.Done, (long)pieces * PieceBytes), (answer.Outcome, answer.Length));
    }

    private async Task FillAsync(SegmentStore store, long segment, int pieces)
    {
        await CreateAsync(store, segment);
        for (var number = 0; number < pieces * FramesOfAPiece; number++)
        {
            var frame = Frame(segment, number, Limits.FramePayloadBytesMax);
            Assert.Equal(ReplicaOutcome.Done, (await store.AppendAsync(new(segment), 1, (long)number * frame.Length, frame, sync: false)).Outcome);
        }
        await store.SealAsync(new(segment), 1, (long)pieces * PieceBytes);
    }

    private (SegmentStore Store, SegmentDoor Door) Open(SegmentDoor? source = null)
    {
        var directory = Directory.CreateTempSubdirectory("dos-door-").FullName;
        var store = new SegmentStore(directory, "a", NullLogger<SegmentStore>.Instance);
        _stores.Add((store, directory));
        return (store, new SegmentDoor(store, new OneOther(source), _time));
    }

    private SegmentDoor Door(SegmentStore store) => new(store, new OneOther(null), _time);

    private static async Task CreateAsync(SegmentStore store, long segment) => Assert.Equal(ReplicaOutcome.Done, (await store.CreateAsync(Header(store, segment))).Outcome);

    private static SegmentHeader Header(SegmentStore store, long segment) => new() { Segment = new(segment), Object = Target, Epoch = 1, Disk = store.Id };

    private static byte[] Frame(long segment, int number, int bytes) => FrameCodec.Encode(
        new FrameHeader
        {
            PayloadLength = bytes, Kind = 1, Object = Target, Epoch = 1, Position = number, WriteNumber = number,
            ResultingSize = number + 1, Time = 1, Request = default, RequestHash = 0, Segment = new(segment),
        },
        SegmentRig.Payload(number, bytes));

    /// <summary>Tells when something begins to wait for the clock.</summary>
    private sealed class ArmedTime : FakeTimeProvider
    {
        private readonly Channel<TimeSpan> _armed = Channel.CreateUnbounded<TimeSpan>();

        /// <summary>Since the clock's beginning.</summary>
        public ChannelReader<TimeSpan> Armed => _armed.Reader;

        public override ITimer CreateTimer(TimerCallback callback, object? state, TimeSpan dueTime, TimeSpan period)
        {
            var due = GetUtcNow() - Start + dueTime;
            var timer = base.CreateTimer(callback, state, dueTime, period);
            _armed.Writer.TryWrite(due);
            return timer;
        }

        public void AdvanceTo(TimeSpan due)
        {
            if (Start + due > GetUtcNow())
            {
                SetUtcNow(Start + due);
            }
        }
    }

    private sealed class OneOther(ISegmentService? segments) : INodeClients
    {
        public ISegmentService Segments(NodeId node) => segments ?? throw new NotSupportedException();
        public IProgramHostService Programs(NodeId node) => throw new NotSupportedException();
        public INodeService Node(NodeId node) => throw new NotSupportedException();
    }
}
