using FsCheck;
using FsCheck.Fluent;
using Orleans.DOS.Segments;
using Xunit;

namespace Orleans.DOS.Kernel.Tests.Segments;

public sealed class ReplicaStateTests
{
    /// <summary>The naive twin keeps every byte's place in a list and asks nothing of the arithmetic.</summary>
    [Fact]
    public void RandomRequests_AgreeWithTheNaiveTwin() => Prop.ForAll<(byte Kind, byte Epoch, byte Offset, byte Bytes)[]>(requests =>
    {
        var state = ReplicaState.Created(3);
        var twin = new List<int>();
        var (epochMax, isSealed) = (3L, false);
        foreach (var request in requests)
        {
            var (epoch, offset, bytes) = (request.Epoch % 8, request.Offset % 24, 1 + (request.Bytes % 6));
            if (request.Kind % 4 == 0)
            {
                var decision = state.Seal(epoch, null);
                if ((decision.Verdict == ReplicaVerdict.Done) != (epoch >= epochMax))
                {
                    return false;
                }
                isSealed |= epoch >= epochMax;
                state = decision.Next;
            }
            else
            {
                var has = Enumerable.Range(offset, bytes).All(place => twin.Contains(place));
                var expected = epoch < epochMax ? ReplicaVerdict.RefusedEpoch
                    : isSealed ? ReplicaVerdict.RefusedSealed
                    : has || offset == twin.Count ? ReplicaVerdict.Done : ReplicaVerdict.RefusedOffset;
                var decision = state.Append(epoch, offset, bytes);
                if (decision.Verdict != expected || decision.WriteBytes != (expected == ReplicaVerdict.Done && !has))
                {
                    return false;
                }
                if (decision.WriteBytes)
                {
                    twin.AddRange(Enumerable.Range(offset, bytes));
                }
                state = decision.Next;
            }
            epochMax = Math.Max(epochMax, epoch);
            if (state.Epoch != epochMax || state.Length != twin.Count || state.SyncedLength > state.Length)
            {
                return false;
            }
        }
        return true;
    }).QuickCheckThrowOnFailure();

    [Fact]
    public void Seal_AtTheOwnersLength_DropsWhatIsBeyond()
    {
        var decision = new ReplicaState(3, 300, 0, false, false).Seal(3, 200);
        Assert.Equal(new ReplicaState(3, 200, 200, true, false), decision.Next);
        Assert.True(decision.PersistHeader);
    }

    [Fact]
    public void Recovered_AfterPowerLossWhileOpen_IsDamaged()
    {
        Assert.True(Open.Recovered(LogScan.Whole(300), 0, cacheSurvived: false).Damaged);
        Assert.False(Open.Recovered(LogScan.Whole(300), 0, cacheSurvived: true).Damaged);
        Assert.False((Open with { Sealed = true }).Recovered(LogScan.Whole(300), 300, cacheSurvived: false).Damaged);
    }

    [Fact]
    public void Recovered_WithATornTail_DropsIt_AndIsDamaged() =>
        Assert.Equal(new ReplicaState(3, 300, 300, false, true), Open.Recovered(new LogScan(300, 300, 370), 0, cacheSurvived: true));

    [Fact]
    public void Recovered_WithGoodFramesBehindABadOne_IsRotten_AndDropsNothing() =>
        Assert.Equal(new ReplicaState(3, 900, 900, false, true, Rotten: true), Open.Recovered(new LogScan(300, 900, 970), 0, cacheSurvived: true));

    [Fact]
    public void Recovered_AfterPowerLoss_GoodFramesBehindABadOne_AreATail_OnlyBehindWhatWasSynced()
    {
        // Pages that were never synced reach a disk in any order.
        Assert.Equal(new ReplicaState(3, 300, 300, false, true), Open.Recovered(new LogScan(300, 900, 970), 300, cacheSurvived: false));
        Assert.Equal(new ReplicaState(3, 900, 900, false, true, Rotten: true), Open.Recovered(new LogScan(300, 900, 970), 301, cacheSurvived: false));
    }

    [Fact]
    public void Recovered_ShorterThanWhatWasSynced_IsRotten() =>
        Assert.True(Open.Recovered(LogScan.Whole(200), 300, cacheSurvived: false).Rotten);

    /// <summary>The last synced frame rots at one replica, and the other lost it, unsynced, with its power: nobody knows what was acknowledged.</summary>
    [Fact]
    public void Recovered_WithABadLastFrame_StillTellsHowMuchThereWas()
    {
        var rotten = Open.Recovered(new LogScan(200, 200, 300), 300, cacheSurvived: false);
        var cut = Open.Recovered(LogScan.Whole(200), 0, cacheSurvived: false);
        Assert.Equal((300, true), (rotten.Length, rotten.Rotten));
        SealAnswer Sealed(ReplicaState state) => new(ReplicaVerdict.Done, state.Length, state.Damaged, state.Rotten);
        Assert.Equal(TakeoverOutcome.Unavailable, Takeover.Decide([Sealed(rotten), Sealed(cut)]).Outcome);
    }

    [Fact]
    public void Rotten_TakesNothing_UntilItIsCopiedAnew()
    {
        var rotten = Open with { Rotten = true, Damaged = true };
        Assert.Equal(ReplicaVerdict.Failed, rotten.Append(3, 300, 100).Verdict);
        Assert.Equal(ReplicaVerdict.Failed, rotten.Copy(3, 300, 100).Verdict);
        Assert.Equal(ReplicaVerdict.Done, rotten.Seal(4, null).Verdict);
        Assert.True(rotten.Recovered(LogScan.Whole(300), 0, cacheSurvived: true).Rotten);
    }

    [Fact]
    public void Mend_ReplacesFramesOfARottenSealedOne_WhichStaysRottenUntilAllAreGood()
    {
        var rotten = Open with { Sealed = true, SyncedLength = 300, Rotten = true, Damaged = true };
        var mended = rotten.Mend(3, 100, 100);
        // What was written anew is not on the disk yet.
        Assert.Equal((ReplicaVerdict.Done, true, rotten with { SyncedLength = 100 }), (mended.Verdict, mended.WriteBytes, mended.Next));
        Assert.Equal(new ReplicaState(3, 400, 100, true, true, Rotten: true), mended.Next.Mend(3, 300, 100).Next);
        Assert.Equal(new ReplicaState(3, 300, 300, true, false), mended.Next.Copied(seal: true));
        Assert.Equal(ReplicaVerdict.RefusedEpoch, rotten.Mend(2, 100, 100).Verdict);
        Assert.Equal(ReplicaVerdict.RefusedOffset, rotten.Mend(3, 400, 100).Verdict);
        Assert.Equal(ReplicaVerdict.Failed, (rotten with { Sealed = false }).Mend(3, 100, 100).Verdict);
        Assert.Equal(ReplicaVerdict.Failed, (rotten with { Rotten = false }).Mend(3, 100, 100).Verdict);
    }

    private static ReplicaState Open => new(3, 300, 0, false, false);
}
