using System.Text.RegularExpressions;

namespace Orleans.DOS.Tidy.Tests;

/// <summary>Finds methods by their indentation: good enough for sources that the formatter keeps in order.</summary>
internal static partial class MethodLength
{
    public static IEnumerable<(string Name, int Lines)> Of(string path, string text)
    {
        var lines = text.Split('\n');
        for (var index = 1; index < lines.Length; index++)
        {
            var open = Regex.Match(lines[index], @"^( {4,8})\{\s*$");
            if (!open.Success || Signature(lines, index - 1) is not { } name)
            {
                continue;
            }
            var close = Array.FindIndex(lines, index + 1, line => line.StartsWith(open.Groups[1].Value + "}", StringComparison.Ordinal));
            if (close > 0)
            {
                yield return ($"{path} {name}", close - index - 1);
            }
        }
    }

    private static string? Signature(string[] lines, int index)
    {
        for (var line = index; line >= 0 && line > index - 6; line--)
        {
            if (TypeLine().IsMatch(lines[line]))
            {
                return null;
            }
            var match = MethodLine().Match(lines[line]);
            if (match.Success)
            {
                return match.Groups[1].Value;
            }
        }
        return null;
    }

    [GeneratedRegex(@"\b(class|struct|record|interface|enum|namespace)\b\s+\w+")]
    private static partial Regex TypeLine();

    [GeneratedRegex(@"^ {4,8}(?:(?:public|private|protected|internal|static|async|override|virtual|sealed|unsafe|partial|new)\s+)+.*?\b(\w+)(?:<[^>(]*>)?\(")]
    private static partial Regex MethodLine();
}
