using System.Text.Json;
using Orleans.DOS.Catalog;
using Orleans.DOS.Scenarios.Harness;

namespace Orleans.DOS.Scenarios.Demo;

/// <summary><c>dos demo</c>: whichever node is killed the answer is right, and nothing is left behind, however it ends.</summary>
public sealed class DemoTests : IDisposable
{
    private static readonly TimeSpan DemoMax = TimeSpan.FromMinutes(4);
    private static readonly string[] Fields = ["nodes", "bytes", "tasks", "retried", "killedNode", "recoverySeconds", "seconds", "singleProcessSeconds", "matches"];

    private readonly string _root = Directory.CreateTempSubdirectory("dos-scenario-demo-").FullName;
    private readonly Shell _shell;

    public DemoTests() => _shell = new Shell(_root, Path.Combine(_root, "none"));

    private string Temporary => Directory.CreateDirectory(Path.Combine(_root, "tmp")).FullName;

    [Theory]
    [InlineData("coordinator")]
    [InlineData("worker")]
    [InlineData("data")]
    [InlineData("none")]
    public async Task Demo_WhoeverIsKilled_Matches_AndLeavesNothingBehind(string victim)
    {
        var answer = await _shell.RunAsync($"TMPDIR={Temporary} dos demo --size 32MiB --json --kill {victim}", TestContext.Current.CancellationToken, DemoMax);

        Assert.True(answer.ExitCode == 0, string.Join('\n', answer.Lines));
        using var json = JsonDocument.Parse(Assert.Single(answer.Lines));
        var result = json.RootElement;
        Assert.Equal(Fields, result.EnumerateObject().Select(field => field.Name));
        Assert.True(result.GetProperty("matches").GetBoolean());
        Assert.Equal((3, 32L << 20), (result.GetProperty("nodes").GetInt32(), result.GetProperty("bytes").GetInt64()));
        Assert.Equal(victim != "none", result.GetProperty("killedNode").ValueKind == JsonValueKind.String);
        Assert.Equal(victim != "none", result.GetProperty("recoverySeconds").ValueKind == JsonValueKind.Number);
        await NothingIsLeftAsync();
    }

    [Theory]
    [InlineData("--kill x", 2, "dos: --kill takes coordinator, worker, data or none [InvalidArgument]")]
    [InlineData("--kill 2", 2, "dos: --kill takes coordinator, worker, data or none [InvalidArgument]")]
    [InlineData("--size -1", 2, "dos: '-1' is no size such as 256MiB [InvalidArgument]")]
    [InlineData("--size 0", 2, "dos: '0' is no size such as 256MiB [InvalidArgument]")]
    [InlineData("--size much", 2, "dos: 'much' is no size such as 256MiB [InvalidArgument]")]
    [InlineData("--input /nonexistent", 1, "dos: there is no text in /nonexistent; name a directory with --input [NoSuchPath]")]
    public async Task Demo_WrongInput_IsRefusedBeforeANodeStarts(string options, int exitCode, string sentence)
    {
        var answer = await _shell.RunAsync($"TMPDIR={Temporary} dos demo {options}", TestContext.Current.CancellationToken);
        Assert.Equal([sentence], answer.Lines);
        Assert.Equal(exitCode, answer.ExitCode);
        await NothingIsLeftAsync();
    }

    [Fact]
    public async Task Demo_InputThatMustNotBeRead_IsRefusedBeforeANodeStarts()
    {
        // To root everything is readable.
        var nobody = Environment.IsPrivilegedProcess ? "setpriv --reuid=65534 --regid=65534 --clear-groups" : "";
        var answer = await _shell.RunAsync(
            $"chmod 755 . && mkdir input home && echo text >input/text && chmod 000 input/text && chmod 777 home && HOME=$PWD/home TMPDIR={Temporary} {nobody} dos demo --input $PWD/input",
            TestContext.Current.CancellationToken);
        Assert.True(new Pattern().Matches(["dos: <...>input/text<...> [PermissionDenied]"], answer.Lines), string.Join('\n', answer.Lines));
        Assert.Equal(1, answer.ExitCode);
        await NothingIsLeftAsync();
    }

    [Fact]
    public async Task Demo_CtrlC_InTheMiddle_TakesEverythingDown()
    {
        // A session of its own, so that the signal goes to command and nodes alike, as a terminal sends it.
        var demo = _shell.RunAsync(
            $"TMPDIR={Temporary} exec setsid sh -c 'echo $$ >pid; exec dos demo --size 256MiB --json'", TestContext.Current.CancellationToken, DemoMax);
        await Poll.UntilAsync(() => Task.FromResult(Directory.EnumerateFiles(Temporary, "ready.json", SearchOption.AllDirectories).Count() == 3), DemoMax);

        var sent = await _shell.RunAsync("/bin/kill -INT -- -$(cat pid)", TestContext.Current.CancellationToken);
        Assert.True(sent.ExitCode == 0, string.Join('\n', sent.Lines));

        var answer = await demo;
        Assert.Equal(["dos: interrupted [Cancelled]"], answer.Lines);
        Assert.Equal(130, answer.ExitCode);
        await NothingIsLeftAsync();
    }

    public void Dispose() => Directory.Delete(_root, recursive: true);

    private async Task NothingIsLeftAsync()
    {
        // Workers end when they notice that their node has.
        await Poll.UntilAsync(() => Task.FromResult(HostProcesses.Naming(Temporary).Count == 0), TimeSpan.FromSeconds(5));
        Assert.Empty(Directory.EnumerateFileSystemEntries(Temporary));
    }
}
