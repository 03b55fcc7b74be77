using Xunit;

namespace Orleans.DOS.Node.Tests.Chaos;

/// <summary>Which faults there are on a host.</summary>
public sealed class FaultTests
{
    [Fact]
    public void FullDisk_WithoutASmallDisk_IsNoFault_AndMissedInTheFullDose()
    {
        foreach (var known in new[] { Fault.OnPostgres, Fault.OnSqlite })
        {
            var possible = Fault.Possible(known, canFillDisk: false, fullDose: false);
            Assert.Equal(["full disk"], known.Except(possible).Select(fault => fault.Name));
            Assert.Equal(known, Fault.Possible(known, canFillDisk: true, fullDose: true));
            Assert.Throws<InvalidOperationException>(() => Fault.Possible(known, canFillDisk: false, fullDose: true));
        }
    }

    [Fact]
    public void Faults_AreCalledByTheirNames()
    {
        Assert.Distinct(Fault.OnPostgres.Select(fault => fault.Name));
        Assert.Distinct(Fault.OnSqlite.Select(fault => fault.Name));
    }
}
