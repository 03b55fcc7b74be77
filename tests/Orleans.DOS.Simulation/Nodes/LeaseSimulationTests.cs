using Xunit;

namespace Orleans.DOS.Simulation.Nodes;

/// <summary><c>DOS_SEED=n dotnet run --project tests/Orleans.DOS.Simulation</c> replays one seed.</summary>
public sealed class LeaseSimulationTests
{
    [Fact]
    public void ManySeeds_NoOwnerAnswersBesideItsSuccessor()
    {
        var served = 0L;
        foreach (var seed in SeedsToRun.OfToday())
        {
            var (violation, owners) = LeaseSimulation.Run(seed);
            Assert.True(violation is null, $"seed {seed}: {violation} (replay: DOS_SEED={seed} dotnet run --project tests/Orleans.DOS.Simulation)");
            served += owners;
        }
        Assert.True(served > 0, "in no run did any owner ever serve");
    }

    [Theory]
    [InlineData(LeaseFault.LeaseFromLateAnswer)]
    [InlineData(LeaseFault.FenceOneConfirmationEarly)]
    [InlineData(LeaseFault.LastViewIgnored)]
    [InlineData(LeaseFault.LeaseIgnored)]
    public void PlantedFault_IsFound(LeaseFault fault) =>
        Assert.Contains(Enumerable.Range(1, SeedsToRun.Dose), seed => LeaseSimulation.Run(seed, fault).Violation is not null);

    [Fact]
    public void SameSeed_GivesTheSameRun() =>
        Assert.Equal(LeaseSimulation.Run(7, LeaseFault.LeaseIgnored), LeaseSimulation.Run(7, LeaseFault.LeaseIgnored));
}
