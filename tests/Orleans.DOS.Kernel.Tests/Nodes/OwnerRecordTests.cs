using Orleans.DOS.Nodes;
using Xunit;

namespace Orleans.DOS.Kernel.Tests.Nodes;

public sealed class OwnerRecordTests
{
    private static readonly NodeStart A = new(new("n-a"), 1), B = new(new("n-b"), 1), C = new(new("n-c"), 1);

    [Fact]
    public void Take_RaisesTheEpoch_AndJoinsTheOwnerBefore()
    {
        var record = OwnerRecord.First(A).Take(B).Take(C);
        Assert.Equal(3, record.Epoch);
        Assert.Equal(C, record.Owner);
        Assert.Equal([new EarlierOwner(A, 1), new EarlierOwner(B, 2)], record.Earlier);
    }

    [Fact]
    public void Take_ByOneThatIsOnTheList_KeepsOneEntryForEachStart_WithItsNewestEpoch() =>
        Assert.Equal([new EarlierOwner(B, 2), new EarlierOwner(A, 3)], OwnerRecord.First(A).Take(B).Take(A).Take(C).Earlier);

    [Fact]
    public void Clear_UnderItsEpoch_EmptiesTheList_UnderAnOlderOneIsRefused()
    {
        var record = OwnerRecord.First(A).Take(B);
        Assert.Empty(record.Clear(2)!.Earlier);
        Assert.Null(record.Take(C).Clear(2));
    }

    [Fact]
    public void Resign_LeavesNobodyToWaitFor_AndKeepsTheEpoch()
    {
        var record = OwnerRecord.First(A).Resign(1)!.Take(B);
        Assert.Empty(record.Earlier);
        Assert.Equal(2, record.Epoch);
        Assert.Null(record.Resign(1));
    }
}
