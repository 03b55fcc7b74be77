namespace Orleans.DOS.Benchmarks;

/// <summary>How large the doses are, and which cases run.</summary>
/// <param name="Quick">Small doses: the whole run ends within 50 s.</param>
/// <param name="Mebibytes">Of the files written and read; null: as the issue says, or a small dose when quick.</param>
/// <param name="Cases">Of the suite files; empty: all.</param>
public sealed record BenchmarkSizes(bool Quick, long? Mebibytes, IReadOnlyCollection<string> Cases)
{
    public long FileBytes => (Mebibytes ?? (Quick ? 16 : 1024)) << 20;

    public bool Includes(string benchmark) => Cases.Count == 0 || Cases.Contains(benchmark);
}
