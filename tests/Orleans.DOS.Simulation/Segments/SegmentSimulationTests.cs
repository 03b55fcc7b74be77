using Xunit;

namespace Orleans.DOS.Simulation.Segments;

/// <summary><c>DOS_SEED=n dotnet run --project tests/Orleans.DOS.Simulation</c> replays one seed.</summary>
public sealed class SegmentSimulationTests
{
    [Fact]
    public void ManySeeds_KeepThePromise()
    {
        foreach (var seed in SeedsToRun.OfToday())
        {
            var violation = SegmentSimulation.Run(seed);
            Assert.True(violation is null, $"seed {seed}: {violation} (replay: DOS_SEED={seed} dotnet run --project tests/Orleans.DOS.Simulation)");
        }
    }

    [Theory]
    [InlineData(PlantedFault.EarlyAcknowledgement)]
    [InlineData(PlantedFault.IgnoredEpoch)]
    [InlineData(PlantedFault.EpochForgottenAtRestart)]
    [InlineData(PlantedFault.DamageForgotten)]
    [InlineData(PlantedFault.SyncSkipped)]
    [InlineData(PlantedFault.ShortestTaken)]
    [InlineData(PlantedFault.WrittenBeforeCommit)]
    [InlineData(PlantedFault.WipedDiskCountedAsEmpty)]
    [InlineData(PlantedFault.BadFrameTakenForTail)]
    [InlineData(PlantedFault.RefusalTakenForDone)]
    [InlineData(PlantedFault.RottenCopyDeletedFirst)]
    [InlineData(PlantedFault.CreatedSegmentCollected)]
    [InlineData(PlantedFault.ExtentBeforeItsBytes)]
    public void PlantedFault_IsFound(PlantedFault fault) =>
        Assert.Contains(Enumerable.Range(1, SeedsToRun.Dose), seed => SegmentSimulation.Run(seed, fault) is not null && SegmentSimulation.Run(seed) is null);

    [Fact]
    public void SameSeed_GivesTheSameRun() =>
        Assert.Equal(SegmentSimulation.Run(7, PlantedFault.EarlyAcknowledgement), SegmentSimulation.Run(7, PlantedFault.EarlyAcknowledgement));
}
