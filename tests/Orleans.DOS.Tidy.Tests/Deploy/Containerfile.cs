using System.Text.Json;
using System.Text.RegularExpressions;

namespace Orleans.DOS.Tidy.Tests.Deploy;

/// <summary>The container file, line by line: as much of its language as ours uses.</summary>
internal sealed partial class Containerfile
{
    private readonly List<(string Word, string Said)> _lines;

    public Containerfile(string text) => _lines =
    [
        .. Continuation().Replace(text, " ").Split('\n').Where(line => line.Length > 0 && line[0] != '#')
            .Select(line => line.Split(' ', 2)).Select(parts => (parts[0], parts[1].Trim())),
    ];

    public string[] Entry => JsonSerializer.Deserialize<string[]>(Last("ENTRYPOINT"))!;
    public string[] Arguments => JsonSerializer.Deserialize<string[]>(Last("CMD"))!;

    public Dictionary<string, string> Environment => Of("ENV").Select(line => line.Split('=', 2)).ToDictionary(parts => parts[0], parts => parts[1]);

    /// <summary>What is copied out of the checkout: its place there, and in the image.</summary>
    public IEnumerable<(string From, string To)> Copied => Of("COPY").Where(line => !line.Contains("--from=", StringComparison.Ordinal))
        .Select(line => line.Split(' ').Where(part => !part.StartsWith("--", StringComparison.Ordinal)).ToArray()).Select(parts => (parts[0], parts[1]));

    /// <summary>What is published: the project's folder, and where it comes to lie.</summary>
    public IEnumerable<(string Project, string To)> Published => Of("RUN").SelectMany(line => Publish().Matches(line))
        .Select(match => (match.Groups[1].Value, match.Groups[2].Value));

    public IEnumerable<string> Linked => Of("RUN").SelectMany(line => Link().Matches(line)).Select(match => match.Groups[1].Value);

    private IEnumerable<string> Of(string word) => _lines.Where(line => line.Word == word).Select(line => line.Said);

    private string Last(string word) => Of(word).Last();

    [GeneratedRegex(@"\\\r?\n")]
    private static partial Regex Continuation();

    [GeneratedRegex(@"dotnet publish (\S+) .*?-o (\S+)")]
    private static partial Regex Publish();

    [GeneratedRegex(@"ln -s (\S+)")]
    private static partial Regex Link();
}
