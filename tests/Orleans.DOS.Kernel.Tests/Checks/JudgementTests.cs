using FsCheck;
using FsCheck.Fluent;
using Orleans.DOS.Checks;
using Xunit;

namespace Orleans.DOS.Kernel.Tests.Checks;

/// <summary>What a disk says decides; what it does not say decides nothing.</summary>
public sealed class JudgementTests
{
    private static readonly ReplicaFacts Good = new(IsItsDisk: true, HasAnswered: true, IsThere: true, Length: 100, IsRotten: false);

    [Fact]
    public void Replica_IsJudgedByWhatIsWorstOfIt()
    {
        Assert.Equal(ReplicaFault.None, ReplicaJudgement.Of(Good, 100));
        Assert.Equal(ReplicaFault.None, ReplicaJudgement.Of(Good with { Length = 101 }, 100));
        Assert.Equal(ReplicaFault.Short, ReplicaJudgement.Of(Good with { Length = 99 }, 100));
        Assert.Equal(ReplicaFault.Rotten, ReplicaJudgement.Of(Good with { Length = 40, IsRotten = true }, 100));
        Assert.Equal(ReplicaFault.Missing, ReplicaJudgement.Of(Good with { IsThere = false, Length = 0 }, 100));
        Assert.Equal(ReplicaFault.Unknown, ReplicaJudgement.Of(default(ReplicaFacts) with { IsItsDisk = true }, 100));
        Assert.Equal(ReplicaFault.OtherDisk, ReplicaJudgement.Of(default(ReplicaFacts), 100));
    }

    [Theory]
    [InlineData(SegmentHealth.Whole, 2, ReplicaFault.None, ReplicaFault.None)]
    [InlineData(SegmentHealth.Whole, 2, ReplicaFault.None, ReplicaFault.None, ReplicaFault.Rotten)]
    [InlineData(SegmentHealth.BelowTarget, 3, ReplicaFault.None, ReplicaFault.None)]
    [InlineData(SegmentHealth.BelowTarget, 2, ReplicaFault.None, ReplicaFault.Unknown)]
    [InlineData(SegmentHealth.Away, 2, ReplicaFault.Missing, ReplicaFault.Unknown)]
    [InlineData(SegmentHealth.Lost, 2, ReplicaFault.Missing, ReplicaFault.Rotten)]
    [InlineData(SegmentHealth.Lost, 1)]
    public void Segment_IsAsGoodAsItsReplicas(SegmentHealth health, int wanted, params ReplicaFault[] replicas) => Assert.Equal(health, ReplicaJudgement.Of((IReadOnlyCollection<ReplicaFault>)replicas, wanted));

    /// <summary>A check that mends takes from no segment its last readable copy, nor one that it knows nothing of.</summary>
    [Fact]
    public void GivingUp_AlwaysLeavesAGoodOne_AndNeverTakesOneThatMayBeGood() =>
        Prop.ForAll(ArbMap.Default.ArbFor<ReplicaFault[]>(), replicas =>
        {
            var left = replicas.Where(fault => !ReplicaJudgement.MayGiveUp(fault, replicas)).ToArray();
            var taken = replicas.Length - left.Length;
            return taken <= replicas.Count(fault => fault is not (ReplicaFault.None or ReplicaFault.Unknown)) && (taken == 0 || left.Contains(ReplicaFault.None));
        }).Check(Config.QuickThrowOnFailure);

    [Theory]
    [InlineData(0, 100, 0, 100, 0, 110)]
    [InlineData(50, 101, 1000, 100, 0, 1121)]
    [InlineData(0, 50, 0, 100, 60, 130)]
    [InlineData(0, 100, 0, 0, 0, -1)]
    [InlineData(0, 0, 0, 100, 0, -1)]
    [InlineData(-1, 10, 0, 100, 0, -1)]
    [InlineData(0, 10, -1, 100, 0, -1)]
    [InlineData(0, 10, 0, 100, -1, -1)]
    [InlineData(long.MaxValue, 10, 0, 100, 0, -1)]
    [InlineData(0, long.MaxValue, long.MaxValue, 1, 0, -1)]
    public void Extent_EndsBehindTheLastOfItsFrames(long position, long length, long offset, long framePayload, long skip, long end) =>
        Assert.Equal(end, ExtentJudgement.EndInSegment(new ExtentFacts(position, length, offset, framePayload, skip), frameHeaderBytes: 10));
}
