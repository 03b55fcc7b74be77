using System.Text;

namespace Orleans.DOS.Scenarios.Harness;

/// <summary>The picture of a failure: expected on the left, actual on the right, '!' where they differ.</summary>
internal static class SideBySide
{
    private const int WidthMin = 30;

    public static string Show(Pattern pattern, Step step, Shell.Answer answer)
    {
        string[] left = [.. step.Expected, $"? {step.ExitCode}"];
        string[] right = [.. answer.Lines, $"? {answer.ExitCode}"];
        var width = Math.Max(WidthMin, left.Max(static line => line.Length));
        var picture = new StringBuilder().AppendLine().Append("  ").Append("expected".PadRight(width)).AppendLine("   actual");
        for (var i = 0; i < Math.Max(left.Length, right.Length); i++)
        {
            var (expected, actual) = (left.ElementAtOrDefault(i), right.ElementAtOrDefault(i));
            var same = expected is not null && actual is not null && pattern.MatchesLine(expected, actual);
            picture.Append(same ? "  " : "! ").Append((expected ?? "").PadRight(width)).Append(" | ").AppendLine(actual ?? "");
        }
        return picture.ToString();
    }
}
