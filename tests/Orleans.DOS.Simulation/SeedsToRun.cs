using System.Globalization;

namespace Orleans.DOS.Simulation;

/// <summary>One named seed, or as many as the dose asks for.</summary>
internal static class SeedsToRun
{
    public const int FullDose = 10_000;

    public static IEnumerable<int> Of(int seeds) =>
        int.TryParse(Environment.GetEnvironmentVariable("DOS_SEED"), NumberStyles.Integer, CultureInfo.InvariantCulture, out var seed)
            ? [seed]
            : Enumerable.Range(1, Environment.GetEnvironmentVariable("DOS_TEST_DOSE") == "full" ? FullDose : seeds);
}
