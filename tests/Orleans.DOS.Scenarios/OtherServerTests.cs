using Orleans.DOS.Scenarios.Harness;

namespace Orleans.DOS.Scenarios;

/// <summary>An address may be anybody's: who answers there is told no token that is not his, and is not taken for a node.</summary>
public sealed class OtherServerTests : IDisposable
{
    private const string Html = "<html><body>welcome</body></html>";
    private const string Token = "dos1.ours";
    private readonly string _root = Directory.CreateTempSubdirectory("dos-other-").FullName;
    private readonly string _data;
    private readonly Shell _shell;

    public OtherServerTests()
    {
        _data = Directory.CreateDirectory(Path.Combine(_root, "data")).FullName;
        File.WriteAllText(Path.Combine(_data, "credential"), Token + "\n");
        _shell = new Shell(_root, _data);
    }

    [Theory]
    [InlineData("ps")]
    [InlineData("fs cat /x")]
    [InlineData("fs rm /x")]
    [InlineData("run true")]
    [InlineData("kill 1")]
    [InlineData("logs 1")]
    [InlineData("job wait 1")]
    [InlineData("job watch 1")]
    public async Task WebServer_IsNotTakenForANode(string command)
    {
        await using var server = new OtherServer(_ => new OtherAnswer(200, "text/html", Html));
        await RefuseAsync($"dos --url {server.Url} --credential data/credential {command}", 1, "NotSupported", $"what answers at {server.Url} is no node");
    }

    [Theory]
    [InlineData(302)]
    [InlineData(404)]
    [InlineData(405)]
    public async Task WebServer_ThatKnowsNoSuchPage_IsNotTakenForANode(int status)
    {
        await using var server = new OtherServer(_ => new OtherAnswer(status, "text/html", Html));
        await RefuseAsync($"dos --url {server.Url} --credential data/credential ps", 1, "NotSupported", $"what answers at {server.Url} is no node");
    }

    [Theory]
    [InlineData("dos --url URL ps")]
    [InlineData("dos --url URL run true")]
    [InlineData("dos node start --join URL")]
    [InlineData("DOS_DATA= XDG_DATA_HOME=$PWD/share dos --url URL ps")]
    [InlineData("DOS_DATA= DOS_CONTEXT=elsewhere dos --url URL ps")]
    public async Task Token_IsNotToldToAStranger(string command)
    {
        await using var server = new OtherServer(_ => new OtherAnswer(200, "text/html", Html));
        await _shell.RunAsync("mkdir -p share && ln -s ../data share/orleans-dos && dos context add elsewhere --url http://127.0.0.1:1 --token-file data/credential", TestContext.Current.CancellationToken);
        await RefuseAsync(command.Replace("URL", server.Url, StringComparison.Ordinal), 1, "Unauthenticated", $"the token of <...> is not told to {server.Url}, <...>");
        Assert.Empty(server.Told);
    }

    [Theory]
    [InlineData("dos --url URL --credential data/credential ps")]
    [InlineData("dos --url URL --credential - ps <data/credential")]
    [InlineData("DOS_DATA= dos --url URL --context elsewhere ps")]
    [InlineData("DOS_DATA= DOS_CONTEXT=there dos --url URL ps")]
    [InlineData("mkdir -p data/nodes/node1 && echo '{\"nodeId\":\"n-1\",\"pid\":'$$',\"url\":\"URL\"}' >data/nodes/node1/ready.json && dos --url URL/ ps")]
    [InlineData("mkdir -p data/nodes/node1 && echo '{\"nodeId\":\"n-1\",\"pid\":'$$',\"url\":\"URL\"}' >data/nodes/node1/ready.json && dos node start --join URL")]
    public async Task Token_IsToldToNodes_AndToWhomTheUserNames(string command)
    {
        await using var server = new OtherServer(_ => new OtherAnswer(200, "text/html", Html));
        await _shell.RunAsync(
            $"dos context add elsewhere --url http://127.0.0.1:1 --token-file data/credential && dos context add there --url {server.Url} --token-file data/credential", TestContext.Current.CancellationToken);
        await RefuseAsync(command.Replace("URL", server.Url, StringComparison.Ordinal), 1, "NotSupported", "<...>");
        Assert.Equal("Bearer " + Token, Assert.Single(server.Told));
    }

    [Theory]
    [InlineData("ps --all", "processes", "{\"pid\":7,\"program\":\"p\",\"arguments\":[],\"state\":\"Running\",\"owner\":\"o\"}", "{\"pid\":7,<...>")]
    [InlineData("job ls", "jobs", "{\"id\":7,\"program\":\"p\",\"state\":\"Mapping\",\"output\":\"/o\",\"owner\":\"o\"}", "{\"id\":7,<...>")]
    [InlineData("fs ls /", "files", "{\"inode\":7,\"name\":\"n\",\"kind\":\"File\"}", "{\"inode\":7,<...>")]
    public async Task Listing_AsJson_IsPrintedPageByPage(string command, string noun, string item, string line)
    {
        await using var door = new OtherServer(request => !request.RawUrl!.Contains(noun, StringComparison.Ordinal) || request.RawUrl.Contains("after=", StringComparison.Ordinal)
            ? new OtherAnswer(500)
            : new OtherAnswer(200, "application/json", $$"""{"items":[{{item}}],"next":"more"}"""));
        var answer = await _shell.RunAsync($"dos --json --url {door.Url} --credential data/credential {command}", TestContext.Current.CancellationToken);
        Assert.True(new Pattern().Matches([line, "dos: <...> [Internal]"], answer.Lines), string.Join('\n', answer.Lines));
    }

    [Fact]
    public async Task OutcomeUnknown_NamesTheIdUnderWhichTheCommandIsRepeated()
    {
        await using var door = new OtherServer(_ => new OtherAnswer(504));
        var answer = await _shell.RunAsync($"dos --url {door.Url} --credential data/credential --request-id 00c0ffee00c0ffee.7 run -d true", TestContext.Current.CancellationToken);
        Assert.True(new Pattern().Matches(["dos: <...>; the same command with --request-id 00c0ffee00c0ffee.7 repeats it without harm [OutcomeUnknown]"], answer.Lines) && answer.ExitCode == 4,
            string.Join('\n', answer.Lines) + answer.ExitCode);
        Assert.All(door.Requests, id => Assert.Equal("00c0ffee00c0ffee.7", id));
    }

    [Theory]
    [InlineData("job wait 7", "dos: job 7 has ended as Failed: no room")]
    [InlineData("job watch 7", "Failed (no room)  0/0 tasks, 0 running  0 B of 0 B\ndos: job 7 has ended as Failed: no room")]
    [InlineData("--json job wait 7", "{\"id\":7,<...>\ndos: job 7 has ended as Failed: no room")]
    public async Task JobThatFails_IsToldAtItsEnd(string command, string lines)
    {
        await using var door = new OtherServer(_ => new OtherAnswer(200, "application/x-ndjson", """{"id":7,"program":"p","state":"Failed","reason":"no room","output":"/o","owner":"o"}""" + "\n"));
        var answer = await _shell.RunAsync($"dos --url {door.Url} --credential data/credential {command}", TestContext.Current.CancellationToken);
        Assert.True(new Pattern().Matches(lines.Split('\n'), answer.Lines) && answer.ExitCode == 1, string.Join('\n', answer.Lines) + answer.ExitCode);
    }

    public void Dispose() => Directory.Delete(_root, recursive: true);

    private async Task RefuseAsync(string command, int exitCode, string code, string sentence)
    {
        var answer = await _shell.RunAsync(command, TestContext.Current.CancellationToken);
        Assert.True(answer.ExitCode == exitCode && new Pattern().Matches([$"dos: {sentence} [{code}]"], answer.Lines),
            $"{command}\nexpected: {sentence} [{code}] ? {exitCode}\nactual:\n{string.Join('\n', answer.Lines)}\n? {answer.ExitCode}");
    }
}
