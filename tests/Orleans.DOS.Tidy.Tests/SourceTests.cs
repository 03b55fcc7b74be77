using System.Text.RegularExpressions;

namespace Orleans.DOS.Tidy.Tests;

/// <summary>Style that a machine can check; each ban names its replacement.</summary>
public partial class SourceTests
{
    /// <summary>Lines of a new file. Smaller is normal: median 40 to 115.</summary>
    private const int FileLinesMax = 400;

    /// <summary>Lines of a method between its braces.</summary>
    private const int MethodLinesMax = 80;

    /// <summary>
    /// The ratchet: files and methods that were longer when the rule came. A number may only shrink; an entry that is no longer needed
    /// fails the test until it is taken out.
    /// </summary>
    private static readonly Dictionary<string, int> LongFiles = Ratchet("LongFiles.txt");
    private static readonly Dictionary<string, int> LongMethods = Ratchet("LongMethods.txt");

    private static readonly (string Pattern, string Where, string Instead)[] Bans =
    [
        (@"\bThread\.Sleep\(", "", "await the event, or poll with a deadline"),
        (@"\bTask\.Delay\(", "tests/", "await the event; across processes use Poll.UntilAsync"),
        (@"\bDateTime(Offset)?\.(Utc)?Now\b", "(?!tests/)", "TimeProvider, or the instant as an argument"),
        (@"\bConfigureAwait\(", "grains/.*Grain[^/]*$", "nothing: the turn ends where you cannot see it"),
        (@"\bTask\.Run\(", "grains/.*Grain[^/]*$", "the turn, or a service of the nucleus"),
        (@"\basync void\b", "", "async Task"),
        (@"\.GetAwaiter\(\)\.GetResult\(\)|\.Wait\(\)", "grains/|silo/Orleans.DOS.Nucleus", "await"),
        (@"catch\s*(\([^)]*\))?\s*\{\s*\}", "", "handle it, or say in a comment inside why not"),
        (@"\bNotImplementedException\b", "", "build it"),
        (@"\bTODO\b|\bFIXME\b|\bHACK\b", "", "do it, or write it into the issue"),
        (@"Skip\s*=\s*""", "tests/", "mend the test or delete it"),
    ];

    [Fact]
    public void Sources_UseNothingThatIsBanned()
    {
        var found =
            from path in Checkout.Files("*.cs")
            where !path.StartsWith("tests/Orleans.DOS.Tidy.Tests/", StringComparison.Ordinal)
            let lines = Checkout.Read(path).Split('\n')
            from ban in Bans
            where Regex.IsMatch(path, "^(" + ban.Where + ")")
            from line in lines.Index()
            where Regex.IsMatch(line.Item, ban.Pattern) && !line.Item.TrimStart().StartsWith("//", StringComparison.Ordinal)
                // A suppression says why, on the line itself.
                && !line.Item.Contains("// tidy: ", StringComparison.Ordinal)
            select $"{path}:{line.Index + 1}: use instead: {ban.Instead}";
        Assert.True(!found.Any(), string.Join(Environment.NewLine, found));
    }

    [Fact]
    public void Files_AreSmall()
    {
        var sizes = Checkout.Files("*.cs").ToDictionary(path => path, path => Checkout.Read(path).AsSpan().Count('\n'));
        AssertRatchet(sizes, FileLinesMax, LongFiles, "lines: what noun is hiding in it?");
    }

    [Fact]
    public void Methods_AreSmall()
    {
        var sizes = Checkout.Files("*.cs").SelectMany(path => MethodLength.Of(path, Checkout.Read(path)))
            .GroupBy(method => method.Name).ToDictionary(group => group.Key, group => group.Max(method => method.Lines));
        AssertRatchet(sizes, MethodLinesMax, LongMethods, "lines in one method");
    }

    [Fact]
    public void Namespaces_AreFileScopedAndFollowTheirFolder()
    {
        var wrong =
            from path in Checkout.Files("*.cs")
            where !path.EndsWith("GlobalUsings.cs", StringComparison.Ordinal)
            let match = NamespaceLine().Match(Checkout.Read(path))
            where match.Success && !match.Groups[1].Value.StartsWith("Orleans.DOS", StringComparison.Ordinal)
            select path;
        Assert.Empty(wrong);
    }

    [Fact]
    public void StoredStateNames_AreUnique()
    {
        // Orleans keys a stored row by state name and grain key only: two classes with one name would share rows (a trap upstream).
        var names = Checkout.Files("*.cs").Where(path => path.StartsWith("grains/", StringComparison.Ordinal))
            .SelectMany(path => PersistentStateName().Matches(Checkout.Read(path)).Select(match => match.Groups[1].Value)).ToList();
        Assert.Equal(names.Distinct().Count(), names.Count);
    }

    [Fact]
    public void GrainClasses_HaveAStableTypeName()
    {
        var without =
            from path in Checkout.Files("*Grain.cs")
            where path.StartsWith("grains/", StringComparison.Ordinal)
            let text = Checkout.Read(path)
            where Regex.IsMatch(text, @"class \w+Grain\b") && !text.Contains("GrainType(\"dos.", StringComparison.Ordinal)
            select path;
        Assert.Empty(without);
    }

    private static void AssertRatchet(Dictionary<string, int> sizes, int max, Dictionary<string, int> ratchet, string what)
    {
        var grown = sizes.Where(size => size.Value > Math.Max(max, ratchet.GetValueOrDefault(size.Key)))
            .Select(size => $"{size.Key}: {size.Value} {what}");
        Assert.True(!grown.Any(), string.Join(Environment.NewLine, grown));
        var needless = ratchet.Where(entry => sizes.GetValueOrDefault(entry.Key) <= max).Select(entry => $"{entry.Key}: take it out of the ratchet");
        Assert.Empty(needless);
    }

    private static Dictionary<string, int> Ratchet(string name)
    {
        var path = Path.Combine(Checkout.Root, "tests/Orleans.DOS.Tidy.Tests", name);
        return File.ReadLines(path).Where(line => line.Length > 0 && line[0] != '#')
            .Select(line => line.Split(' ', 2)).ToDictionary(parts => parts[1], parts => int.Parse(parts[0], System.Globalization.CultureInfo.InvariantCulture));
    }

    [GeneratedRegex(@"^namespace ([\w.]+)", RegexOptions.Multiline)]
    private static partial Regex NamespaceLine();

    [GeneratedRegex(@"\[PersistentState\(\s*""([^""]+)""")]
    private static partial Regex PersistentStateName();
}
