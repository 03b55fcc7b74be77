using Orleans.DOS.Scenarios.Harness;

namespace Orleans.DOS.Scenarios;

/// <summary>A session that could not fail would prove nothing.</summary>
public sealed class PatternTests
{
    [Theory]
    [InlineData("a", "a", true)]
    [InlineData("a", "b", false)]
    [InlineData("a", "a\nb", false)]
    [InlineData("a\nb", "a", false)]
    [InlineData("", "a", false)]
    [InlineData("a.c", "abc", false)]
    [InlineData("took <...>s", "took 0.1s", true)]
    [InlineData("...\nend", "a\nb\nend", true)]
    [InlineData("...\nend", "a\nb", false)]
    [InlineData("<pid> and <pid>", "7 and 7", true)]
    [InlineData("<pid> and <pid>", "7 and 8", false)]
    public void Answer_MatchesOnlyWhatIsWritten(string expected, string actual, bool matches) =>
        Assert.Equal(matches, new Pattern().Matches(Lines(expected), Lines(actual)));

    [Fact]
    public void Name_KeepsItsValue_InLaterAnswersAndCommands()
    {
        var pattern = new Pattern();
        Assert.True(pattern.Matches(["<pid>"], ["42"]));
        Assert.Equal("dos kill 42", pattern.Fill("dos kill <pid>"));
        Assert.True(pattern.Matches(["<pid>  Running"], ["42  Running"]));
        Assert.False(pattern.Matches(["<pid>"], ["43"]));
        Assert.Throws<InvalidOperationException>(() => pattern.Fill("dos kill <other>"));
    }

    private static string[] Lines(string text) => text.Length == 0 ? [] : text.Split('\n');
}
