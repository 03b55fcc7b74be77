using System.Globalization;
using Xunit;

namespace Orleans.DOS.Simulation.Segments;

/// <summary><c>DOS_SEED=n dotnet run --project tests/Orleans.DOS.Simulation</c> replays one seed; <c>DOS_TEST_DOSE=full</c> runs 10,000 (40 s).</summary>
public sealed class SegmentSimulationTests
{
    private const int Seeds = 400;
    private const int SeedsOfFullDose = 10_000;

    [Fact]
    public void ManySeeds_KeepThePromise()
    {
        foreach (var seed in SeedsToRun())
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
    public void PlantedFault_IsFound(PlantedFault fault) =>
        Assert.Contains(Enumerable.Range(1, Seeds), seed => SegmentSimulation.Run(seed, fault) is not null && SegmentSimulation.Run(seed) is null);

    [Fact]
    public void SameSeed_GivesTheSameRun() =>
        Assert.Equal(SegmentSimulation.Run(7, PlantedFault.EarlyAcknowledgement), SegmentSimulation.Run(7, PlantedFault.EarlyAcknowledgement));

    private static IEnumerable<int> SeedsToRun() =>
        int.TryParse(Environment.GetEnvironmentVariable("DOS_SEED"), NumberStyles.Integer, CultureInfo.InvariantCulture, out var seed)
            ? [seed]
            : Enumerable.Range(1, Environment.GetEnvironmentVariable("DOS_TEST_DOSE") == "full" ? SeedsOfFullDose : Seeds);
}
