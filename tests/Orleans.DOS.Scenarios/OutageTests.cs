using System.Diagnostics;
using System.Net;
using Orleans.DOS.Scenarios.Harness;

namespace Orleans.DOS.Scenarios;

/// <summary>A node, played by the test, that is away for longer than one call may take, while a program is attached.</summary>
public sealed class OutageTests : IDisposable
{
    /// <summary>The SDK gives one call up after 5.8 s.</summary>
    private static readonly TimeSpan Away = TimeSpan.FromSeconds(6.5);

    private readonly string _root = Directory.CreateTempSubdirectory("dos-outage-").FullName;
    private readonly ManualResetEventSlim _closed = new();
    private readonly ConcurrentInput _input = new();
    private long _since;

    [Fact]
    public async Task Run_WhileNodesAreAway_GoesOnWhenTheyAreBack()
    {
        await using var door = new OtherServer(Answer);
        File.WriteAllText(Path.Combine(_root, "token"), "dos1.ours");
        var answer = await new Shell(_root, _root).RunAsync($"printf 'one\ntwo\n' | dos --url {door.Url} --credential token run cat", TestContext.Current.CancellationToken);
        Assert.True(answer is { Lines: ["one", "two"], ExitCode: 0 }, string.Join('\n', answer.Lines) + answer.ExitCode);
        Assert.True(_input.Writes > 1, "it was never away");
    }

    [Fact]
    public async Task Run_AtCtrlC_BeforeTheNodeHasAnswered_StillEndsTheProgram()
    {
        using var asked = new ManualResetEventSlim();
        using var interrupted = new ManualResetEventSlim();
        var signals = 0;
        await using var door = new OtherServer(request =>
        {
            switch (request.HttpMethod, request.Url!.Segments[^1])
            {
                case ("POST", "processes"):
                    asked.Set();
                    interrupted.Wait(Away);
                    return Process("Running", "null", 201);
                case ("POST", "signal"):
                    Interlocked.Increment(ref signals);
                    _closed.Set();
                    return new OtherAnswer(204);
                case ("GET", "stdout" or "stderr"):
                    return Output(request, _closed.Wait(TimeSpan.FromSeconds(1)));
                case ("DELETE", "stdin"):
                    return new OtherAnswer(204);
                default:
                    return Process("Exited", "143", 200);
            }
        });
        File.WriteAllText(Path.Combine(_root, "token"), "dos1.ours");
        var shell = new Shell(_root, _root);
        var run = shell.RunAsync($"exec setsid sh -c 'echo $$ >pid; exec dos --url {door.Url} --credential token run sleep 7777'", TestContext.Current.CancellationToken);
        Assert.True(asked.Wait(TimeSpan.FromSeconds(30), TestContext.Current.CancellationToken), "it was never asked");
        // The command's handler stands since before it asked.
        await shell.RunAsync("/bin/kill -INT -- -$(cat pid)", TestContext.Current.CancellationToken);
        interrupted.Set();
        var ended = await run;
        Assert.True(ended is { ExitCode: 143, Lines.Count: 0 } && signals > 0, $"{ended.ExitCode}, {signals}: {string.Join('\n', ended.Lines)}");
    }

    public void Dispose()
    {
        _closed.Dispose();
        Directory.Delete(_root, recursive: true);
    }

    private OtherAnswer Answer(HttpListenerRequest request)
    {
        switch (request.HttpMethod, request.Url!.Segments[^1])
        {
            case ("POST", "processes"):
                return Process("Running", "null", 201);
            case ("PUT", "stdin"):
                _input.Write(request);
                return IsAway() ? new OtherAnswer(503) : new OtherAnswer(204);
            case ("DELETE", "stdin"):
                _closed.Set();
                return new OtherAnswer(204);
            case ("GET", "stdout" or "stderr"):
                // A long poll; it is told that nobody is there, too.
                var isOver = _closed.Wait(TimeSpan.FromSeconds(1));
                return IsAway() ? new OtherAnswer(503) : Output(request, isOver);
            default:
                return Process("Exited", "0", 200);
        }
    }

    /// <summary>From the first input on.</summary>
    private bool IsAway()
    {
        Interlocked.CompareExchange(ref _since, _input.Writes > 0 ? Stopwatch.GetTimestamp() : 0, 0);
        return Interlocked.Read(ref _since) is not 0 and var since && Stopwatch.GetElapsedTime(since) < Away;
    }

    private OtherAnswer Output(HttpListenerRequest request, bool isOver)
    {
        var position = int.Parse(request.QueryString["position"]!, System.Globalization.CultureInfo.InvariantCulture);
        var text = isOver && request.Url!.AbsolutePath.EndsWith("stdout", StringComparison.Ordinal) ? _input.Text : "";
        return new OtherAnswer(200, "application/octet-stream", text[Math.Min(position, text.Length)..],
            ("Output-Position", request.QueryString["position"]!), ("Output-Incarnation", "1"), ("Output-End", isOver ? "true" : "false"));
    }

    private static OtherAnswer Process(string state, string exitCode, int status) => new(status, "application/json",
        $$"""{"pid":7,"program":"cat","arguments":[],"state":"{{state}}","exitCode":{{exitCode}},"incarnation":1,"owner":"o"}""");

    /// <summary>What came, by its position: a repeat changes nothing.</summary>
    private sealed class ConcurrentInput
    {
        private readonly Lock _gate = new();
        private string _text = "";
        private int _writes;

        public int Writes
        {
            get
            {
                lock (_gate)
                {
                    return _writes;
                }
            }
        }

        public string Text
        {
            get
            {
                lock (_gate)
                {
                    return _text;
                }
            }
        }

        public void Write(HttpListenerRequest request)
        {
            using var body = new StreamReader(request.InputStream);
            var piece = body.ReadToEnd();
            var position = int.Parse(request.QueryString["position"]!, System.Globalization.CultureInfo.InvariantCulture);
            lock (_gate)
            {
                _writes++;
                _text = _text[..position] + piece;
            }
        }
    }
}
