using FsCheck;
using FsCheck.Fluent;
using Orleans.DOS.Segments;
using Xunit;

namespace Orleans.DOS.Kernel.Tests.Segments;

public sealed class TakeoverTests
{
    [Theory]
    [InlineData("u300 u200", TakeoverOutcome.Sealed, 300)]
    [InlineData("u200 d300", TakeoverOutcome.Sealed, 300)]
    [InlineData("u200 -", TakeoverOutcome.Sealed, 200)]
    [InlineData("d200 -", TakeoverOutcome.Unavailable, 0)]
    [InlineData("d200 d100", TakeoverOutcome.Sealed, 200)]
    [InlineData("d200 wiped", TakeoverOutcome.Sealed, 200)]
    [InlineData("missing missing", TakeoverOutcome.Sealed, 0)]
    [InlineData("wiped wiped", TakeoverOutcome.Unavailable, 0)]
    [InlineData("d0 missing", TakeoverOutcome.Sealed, 0)]
    [InlineData("d0 wiped", TakeoverOutcome.Unavailable, 0)]
    [InlineData("missing wiped", TakeoverOutcome.Unavailable, 0)]
    [InlineData("d0 d200", TakeoverOutcome.Sealed, 200)]
    [InlineData("u0 wiped", TakeoverOutcome.Sealed, 0)]
    [InlineData("missing -", TakeoverOutcome.Unavailable, 0)]
    [InlineData("- -", TakeoverOutcome.Unavailable, 0)]
    [InlineData("r300 u200", TakeoverOutcome.Sealed, 200)]
    [InlineData("r300 d200", TakeoverOutcome.Unavailable, 0)]
    [InlineData("r200 d300", TakeoverOutcome.Sealed, 300)]
    [InlineData("r300", TakeoverOutcome.Unavailable, 0)]
    [InlineData("r300 missing", TakeoverOutcome.Unavailable, 0)]
    [InlineData("r300 r200", TakeoverOutcome.Unavailable, 0)]
    [InlineData("u300 stale", TakeoverOutcome.Stale, 0)]
    public void Decide_ByWhatIsHeard(string answers, TakeoverOutcome outcome, long length)
    {
        var decision = Takeover.Decide([.. answers.Split(' ').Select(Parse)]);
        Assert.Equal((outcome, length), (decision.Outcome, decision.Length));
    }

    [Fact]
    public void Decide_NeverCountsOnARottenReplica()
    {
        var decision = Takeover.Decide([Parse("r300"), Parse("u300"), Parse("u200")]);
        Assert.Equal(1, decision.Source);
        Assert.Equal([0], decision.Lost);
        Assert.Equal([2], decision.CopyTo);
    }

    [Fact]
    public void Decide_NeverShorterThanAnyUndamagedReplica() => Prop.ForAll<(bool Heard, bool Damaged, byte Length)[]>(replicas =>
    {
        var decision = Takeover.Decide([.. replicas.Select(replica => replica.Heard ? new SealAnswer(ReplicaVerdict.Done, replica.Length, replica.Damaged) : default)]);
        return decision.Outcome != TakeoverOutcome.Sealed
            || replicas.Where(replica => replica.Heard).All(replica => replica.Length <= decision.Length);
    }).QuickCheckThrowOnFailure();

    private static SealAnswer Parse(string text) => text switch
    {
        "-" => default,
        "wiped" => new(ReplicaVerdict.WrongDisk, 0, true),
        "missing" => new(ReplicaVerdict.NoSuchSegment, 0, true),
        "stale" => new(ReplicaVerdict.RefusedEpoch, 0, false),
        _ => new(ReplicaVerdict.Done, long.Parse(text.AsSpan(1), System.Globalization.CultureInfo.InvariantCulture), text[0] != 'u', text[0] == 'r'),
    };
}
