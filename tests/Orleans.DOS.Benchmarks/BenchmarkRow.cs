using System.Text.Json;
using System.Text.Json.Serialization;
using Spectre.Console;

namespace Orleans.DOS.Benchmarks;

/// <summary>One measured case beside the limit measured in the same run.</summary>
/// <param name="Case">Its name, as in the issue.</param>
/// <param name="Value">What was measured, in <paramref name="Unit"/>.</param>
/// <param name="Limit">What the bare means reach here, in the same unit; null where there is none.</param>
/// <param name="Bar">What must be reached, as a sentence; null where the case is only shown.</param>
/// <param name="Met">Whether it was; null without a bar.</param>
public sealed record BenchmarkRow(string Case, double Value, string Unit, double? Limit = null, string? Bar = null, bool? Met = null)
{
    public double? Ratio => Limit is > 0 ? Math.Round(Value / Limit.Value, 3) : null;

    /// <summary>A case whose value must be at least <paramref name="share"/> of the limit.</summary>
    public static BenchmarkRow AtLeastShare(string name, double value, string unit, double limit, double share) =>
        new(name, value, unit, limit, FormattableString.Invariant($">= {share} of limit"), value >= share * limit);

    public static BenchmarkRow AtLeast(string name, double value, string unit, double bar, double? limit = null) =>
        new(name, value, unit, limit, FormattableString.Invariant($">= {bar}"), value >= bar);

    public static BenchmarkRow AtMost(string name, double value, string unit, double bar, double? limit = null) =>
        new(name, value, unit, limit, FormattableString.Invariant($"<= {bar}"), value <= bar);
}

/// <summary>Prints rows as they come: one JSON object a line, or a table at the end.</summary>
public sealed class BenchmarkReport(bool json)
{
    private static readonly JsonSerializerOptions Format = new()
    {
        PropertyNamingPolicy = JsonNamingPolicy.CamelCase,
        DefaultIgnoreCondition = JsonIgnoreCondition.Never,
    };

    private readonly List<BenchmarkRow> _rows = [];

    public bool AllMet => _rows.All(row => row.Met != false);

    public void Add(BenchmarkRow row)
    {
        row = row with { Value = Math.Round(row.Value, 3), Limit = row.Limit is { } limit ? Math.Round(limit, 3) : null };
        _rows.Add(row);
        Console.WriteLine(json ? JsonSerializer.Serialize(row, Format) : FormattableString.Invariant($"  {row.Case}: {row.Value} {row.Unit}"));
    }

    public void Print()
    {
        if (json)
        {
            return;
        }
        var table = new Table().AddColumns("case", "value", "unit", "limit", "ratio", "bar", "met");
        foreach (var row in _rows)
        {
            table.AddRow(row.Case, Number(row.Value), row.Unit, Number(row.Limit), Number(row.Ratio), row.Bar ?? "", row.Met switch { true => "yes", false => "NO", null => "" });
        }
        AnsiConsole.Write(table);
    }

    private static string Number(double? value) => value is { } number ? number.ToString("#,0.###", System.Globalization.CultureInfo.InvariantCulture) : "";
}
