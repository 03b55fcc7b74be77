using Orleans.DOS.Segments;
using Xunit;

namespace Orleans.DOS.Kernel.Tests.Segments;

public sealed class SegmentWriterTests
{
    private readonly List<WriterEffect> _effects = [];

    [Fact]
    public void Submit_BeforeTheSegmentIsCommitted_SendsNothing()
    {
        var writer = new SegmentWriter(2, 1);
        writer.Submit(100, false, 0, _effects);
        Assert.Empty(_effects);
        writer.Opened(0, _effects);
        Assert.Equal(2, _effects.Count(effect => effect.Kind == WriterEffectKind.Append));
    }

    [Fact]
    public void Frame_IsAcknowledged_WhenAllReplicasHaveIt_DurableWhenAllSyncedIt()
    {
        var writer = Opened();
        writer.Submit(100, true, 0, _effects);
        Answer(writer, 0, 100, 100);
        Answer(writer, 1, 100, 0);
        Assert.DoesNotContain(_effects, effect => effect.Kind == WriterEffectKind.Acknowledge);
        Assert.Contains(_effects, effect => effect is { Kind: WriterEffectKind.Sync, Replica: 1, Offset: 100 });
        writer.Answered(1, WriterEffectKind.Sync, ReplicaVerdict.Done, new(1, 100, 100, false, false), 1, _effects);
        Assert.Contains(_effects, effect => effect.Kind == WriterEffectKind.Acknowledge);
    }

    [Fact]
    public void Window_ToOneReplica_HoldsAtMostTheFramesOfTheLimit()
    {
        var writer = Opened();
        for (var i = 0; i < 20; i++)
        {
            writer.Submit(100, false, 0, _effects);
        }
        Assert.Equal(Limits.FramesInFlightMax, _effects.Count(effect => effect is { Kind: WriterEffectKind.Append, Replica: 0 }));
    }

    [Fact]
    public void Unsynced_NeverPassesItsBound()
    {
        var writer = Opened();
        var sent = 0L;
        for (var i = 0; i < 200; i++)
        {
            writer.Submit(FrameCodec.FrameBytesMax, false, 0, _effects);
        }
        for (var at = 0; at < _effects.Count; at++)
        {
            if (_effects[at].Kind == WriterEffectKind.Append)
            {
                sent = Math.Max(sent, _effects[at].Offset + FrameCodec.FrameBytesMax);
                Answer(writer, _effects[at].Replica, _effects[at].Offset + FrameCodec.FrameBytesMax, 0);
            }
        }
        Assert.InRange(sent, SegmentWriter.SyncAheadBytes, Limits.UnsyncedBytesMax);
        Assert.Contains(_effects, effect => effect.Kind == WriterEffectKind.Sync);
    }

    [Fact]
    public void SilentReplica_AfterASecond_SealsAtTheAcknowledgedLength()
    {
        var writer = Opened();
        writer.Submit(100, false, 0, _effects);
        Answer(writer, 0, 100, 0);
        Answer(writer, 1, 100, 0);
        writer.Submit(100, false, 10, _effects);
        Answer(writer, 0, 200, 0);
        writer.Tick(900, _effects);
        Assert.Equal(WriterPhase.Writing, writer.Phase);
        writer.Tick(1100, _effects);
        Assert.Contains(_effects, effect => effect is { Kind: WriterEffectKind.Seal, Offset: 100 });
        Assert.True(writer.IsFailed(1));
        Assert.False(writer.IsFailed(0));
    }

    [Fact]
    public void RefusalByEpoch_EndsTheOwner_AndFailsNoReplica()
    {
        var writer = Opened();
        writer.Submit(100, false, 0, _effects);
        writer.Answered(0, WriterEffectKind.Append, ReplicaVerdict.RefusedEpoch, new(9, 0, 0, true, false), 1, _effects);
        Assert.Equal(WriterPhase.Ended, writer.Phase);
        Assert.False(writer.IsFailed(0));
    }

    [Fact]
    public void LostCall_IsRepeatedFromWhatTheReplicaHas()
    {
        var writer = Opened();
        writer.Submit(100, false, 0, _effects);
        writer.Lost(0, WriterEffectKind.Append);
        _effects.Clear();
        writer.Tick(100, _effects);
        Assert.Contains(_effects, effect => effect is { Kind: WriterEffectKind.Append, Replica: 0, Frame: 0 });
    }

    [Fact]
    public void Refusal_OlderThanWhatIsKnownOfTheReplica_FailsNothing()
    {
        var writer = Opened();
        Enumerable.Range(0, 3).ToList().ForEach(_ => writer.Submit(100, false, 0, _effects));
        // The third frame overtook the first two; its refusal comes after the answers to them.
        Answer(writer, 0, 200, 0);
        Refuse(writer, 0, 0, 5);
        Assert.False(writer.IsFailed(0));
        _effects.Clear();
        writer.Answered(0, WriterEffectKind.Append, ReplicaVerdict.Done, new(1, 100, 0, false, false), 6, _effects);
        writer.Tick(100, _effects);
        Assert.Contains(_effects, effect => effect is { Kind: WriterEffectKind.Append, Replica: 0, Frame: 2 });
        Assert.DoesNotContain(_effects, effect => effect is { Kind: WriterEffectKind.Append, Replica: 0, Frame: < 2 });
    }

    [Fact]
    public void Replica_ThatRefusesAgainAndAgain_IsGivenUpForItsSilence()
    {
        var writer = Opened();
        writer.Submit(100, false, 0, _effects);
        Answer(writer, 0, 100, 0);
        Answer(writer, 1, 100, 0);
        writer.Submit(100, false, 10, _effects);
        Answer(writer, 0, 200, 0);
        for (var now = 100; now < 2000 && writer.Phase == WriterPhase.Writing; now += 100)
        {
            Refuse(writer, 1, 50, now);
            writer.Tick(now, _effects);
        }
        Assert.True(writer.IsFailed(1));
        Assert.Contains(_effects, effect => effect is { Kind: WriterEffectKind.Seal, Offset: 100 });
    }

    [Fact]
    public void Frame_AnsweredInProgressBeforeItWasReceived_IsSentAgain()
    {
        var writer = Overtaken();
        _effects.Clear();
        writer.Tick(300, _effects);
        var again = Assert.Single(_effects, effect => effect.Kind == WriterEffectKind.Append);
        Assert.Equal((1, 1L), (again.Replica, again.Frame));
        writer.Answered(1, WriterEffectKind.Append, ReplicaVerdict.Done, new(1, 200, 200, false, false), 310, _effects);
        Assert.Equal(2, writer.FramesAcknowledged);
        Assert.False(writer.IsBusy);
    }

    [Fact]
    public void Replica_SilentAfterItsInProgress_IsGivenUp()
    {
        var writer = Overtaken();
        Assert.True(writer.IsBusy);
        for (var now = 300; now <= 1200; now += 100)
        {
            writer.Tick(now, _effects);
            Assert.False(writer.IsFailed(1));
        }
        writer.Tick(1300, _effects);
        Assert.True(writer.IsFailed(1));
        Assert.Contains(_effects, effect => effect is { Kind: WriterEffectKind.Seal, Offset: 100 });
    }

    /// <summary>Two durable frames; replica 0 has both, replica 1 took the first one after it had answered for the second.</summary>
    private SegmentWriter Overtaken()
    {
        var writer = Opened();
        writer.Submit(100, true, 0, _effects);
        writer.Submit(100, true, 0, _effects);
        Answer(writer, 0, 100, 100);
        Answer(writer, 0, 200, 200);
        writer.Answered(1, WriterEffectKind.Append, ReplicaVerdict.InProgress, new(1, 0, 0, false, false), 250, _effects);
        writer.Answered(1, WriterEffectKind.Append, ReplicaVerdict.Done, new(1, 100, 100, false, false), 260, _effects);
        return writer;
    }

    private void Refuse(SegmentWriter writer, int replica, long length, long now) =>
        writer.Answered(replica, WriterEffectKind.Append, ReplicaVerdict.RefusedOffset, new(1, length, 0, false, false), now, _effects);

    private SegmentWriter Opened()
    {
        var writer = new SegmentWriter(2, 1);
        writer.Opened(0, _effects);
        return writer;
    }

    private void Answer(SegmentWriter writer, int replica, long length, long synced) =>
        writer.Answered(replica, WriterEffectKind.Append, ReplicaVerdict.Done, new(1, length, synced, false, false), 1, _effects);
}
