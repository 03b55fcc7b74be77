namespace Orleans.DOS.Node.Tests.Harness;

/// <summary>The one collection of all tests that start nodes: side by side they would only measure how busy the host is.</summary>
internal static class RealNodes
{
    public const string Name = "real nodes";
}
