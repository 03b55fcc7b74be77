using System.Text;
using System.Text.RegularExpressions;

namespace Orleans.DOS.Scenarios.Harness;

/// <summary>
/// Expected text: <c>&lt;...&gt;</c> stands for anything within a line; <c>&lt;pid&gt;</c>, or any other lower-case name, for anything at
/// its first place and for the same at each later one, in commands too; a line <c>...</c> for any number of lines.
/// </summary>
public sealed partial class Pattern
{
    private const string AnyLines = "...";
    private readonly Dictionary<string, string> _bound = new(StringComparer.Ordinal);

    [GeneratedRegex(@"<(\.\.\.|[a-z][a-z0-9-]*)>")]
    private static partial Regex Wildcard();

    /// <summary>The command with the names that earlier answers have given a value.</summary>
    public string Fill(string command) => Wildcard().Replace(command, match => _bound.GetValueOrDefault(match.Groups[1].Value)
        ?? throw new InvalidOperationException($"{match.Value} has no value yet in: {command}"));

    /// <summary>Says whether the answer is as expected; if so, names met for the first time take their values.</summary>
    public bool Matches(IReadOnlyList<string> expected, IReadOnlyList<string> actual)
    {
        Dictionary<string, string> bound = new(_bound, StringComparer.Ordinal);
        if (!Matches(expected, actual, 0, 0, bound))
        {
            return false;
        }
        foreach (var (name, value) in bound)
        {
            _bound[name] = value;
        }
        return true;
    }

    /// <summary>For the picture of a failure: this one line alone.</summary>
    public bool MatchesLine(string expected, string actual) => MatchesLine(expected, actual, new(_bound, StringComparer.Ordinal));

    private static bool Matches(IReadOnlyList<string> expected, IReadOnlyList<string> actual, int e, int a, Dictionary<string, string> bound)
    {
        for (; e < expected.Count; e++, a++)
        {
            if (expected[e] == AnyLines)
            {
                return Enumerable.Range(a, actual.Count - a + 1).Any(next => Matches(expected, actual, e + 1, next, bound));
            }
            if (a >= actual.Count || !MatchesLine(expected[e], actual[a], bound))
            {
                return false;
            }
        }
        return a == actual.Count;
    }

    private static bool MatchesLine(string expected, string actual, Dictionary<string, string> bound)
    {
        var regex = new StringBuilder("^");
        List<string> names = [];
        var done = 0;
        foreach (Match wildcard in Wildcard().Matches(expected))
        {
            regex.Append(Regex.Escape(expected[done..wildcard.Index]));
            done = wildcard.Index + wildcard.Length;
            var name = wildcard.Groups[1].Value;
            if (name == AnyLines)
            {
                regex.Append(".*");
            }
            else if (bound.TryGetValue(name, out var value))
            {
                regex.Append(Regex.Escape(value));
            }
            else if (names.IndexOf(name) is >= 0 and var index)
            {
                regex.Append($"\\{index + 1}");
            }
            else
            {
                names.Add(name);
                regex.Append("(.+?)");
            }
        }
        var match = Regex.Match(actual, regex.Append(Regex.Escape(expected[done..])).Append('$').ToString(), RegexOptions.CultureInvariant);
        for (var i = 0; match.Success && i < names.Count; i++)
        {
            bound[names[i]] = match.Groups[i + 1].Value;
        }
        return match.Success;
    }
}
