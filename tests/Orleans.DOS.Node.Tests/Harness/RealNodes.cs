using Xunit.Sdk;
using Xunit.v3;

// Side by side, tests that start nodes would only measure how busy the host is.
[assembly: Parallelization(Mode = ParallelMode.None)]

namespace Orleans.DOS.Node.Tests.Harness;

/// <summary>The one collection of tests that start nodes of their own.</summary>
internal static class RealNodes
{
    public const string Name = "real nodes";

    /// <summary>Whether long repetitions are wanted.</summary>
    public static bool FullDose { get; } = Environment.GetEnvironmentVariable("DOS_TEST_DOSE") == "full";
}
