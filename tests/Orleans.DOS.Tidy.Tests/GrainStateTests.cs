using System.Text.RegularExpressions;

namespace Orleans.DOS.Tidy.Tests;

/// <summary>The README says which grains keep their state through Orleans, and these do.</summary>
public partial class GrainStateTests
{
    [Fact]
    public void Readme_ListsTheGrainsThatKeepIPersistentState()
    {
        var paragraph = ListOfGrains().Match(Checkout.Read("README.md"));
        Assert.True(paragraph.Success, "the README does not say which grains use IPersistentState");
        var listed = GrainName().Matches(paragraph.Groups[1].Value).Select(match => match.Groups[1].Value);
        var keeping = Checkout.Files("*.cs").Where(path => !path.StartsWith("tests/", StringComparison.Ordinal))
            .Select(Checkout.Read).Where(text => StateParameter().IsMatch(text))
            .SelectMany(text => GrainClass().Matches(text).Select(match => match.Groups[1].Value));
        Assert.Equal(keeping.Order(), listed.Order());
    }

    // As far as the next full stop: "Which grains use it: `A` (what), `B` (what)."
    [GeneratedRegex(@"Which grains use it:(.*?)\.\s", RegexOptions.Singleline)]
    private static partial Regex ListOfGrains();

    [GeneratedRegex(@"`(\w+Grain)`")]
    private static partial Regex GrainName();

    [GeneratedRegex(@"IPersistentState<")]
    private static partial Regex StateParameter();

    [GeneratedRegex(@"class (\w+Grain)\b")]
    private static partial Regex GrainClass();
}
