using System.Net;
using Orleans.DOS.Checks;

namespace Orleans.DOS.Tests.Http;

/// <summary>A check over HTTP: looking is GET, mending is POST.</summary>
public sealed class HttpCheckTests
{
    [Theory]
    [InlineData(false, false)]
    [InlineData(true, false)]
    [InlineData(false, true)]
    [InlineData(true, true)]
    public async Task Step_HasItsOptions_AndAllThatWasFound(bool deep, bool mend)
    {
        await using var door = await HttpDouble.StartAsync();
        var found = new CheckStep
        {
            Findings = [new Finding { Kind = FindingKind.Rotten, Segment = 7, Node = new NodeId("n-1"), Path = "/a/b", Bytes = 9, Mend = MendState.Started, Text = "it is" }],
            Names = 1, Inodes = 2, Extents = 3, Segments = 4, Replicas = 5, BytesRead = 6, Next = "1.2.3",
        };
        (CheckOptions Options, string? After)? asked = null;
        door.Machines.FileTree.Checking = (options, after) =>
        {
            asked = (options, after);
            return found;
        };
        using var client = door.Client();
        var step = await client.Files.CheckAsync(new CheckOptions { Deep = deep, Mend = mend }, "1.2.2", TestContext.Current.CancellationToken);
        Assert.Equal((new CheckOptions { Deep = deep, Mend = mend }, "1.2.2"), asked);
        Assert.Equal(found.Findings, step.Findings);
        Assert.Equal(found with { Findings = [] }, step with { Findings = [] });
    }

    [Fact]
    public async Task Get_NeverMends()
    {
        await using var door = await HttpDouble.StartAsync();
        door.Machines.FileTree.Checking = (options, _) => options.Mend ? throw new InvalidOperationException() : new CheckStep();
        using var http = door.Raw();
        Assert.Equal(HttpStatusCode.OK, (await http.GetAsync("/v1/machines/main/check?mend&deep", TestContext.Current.CancellationToken)).StatusCode);
    }
}
