using System.Collections.Concurrent;
using System.Diagnostics;
using Orleans.DOS.Files;
using Orleans.DOS.Machines;
using Orleans.DOS.Node.Tests.Harness;
using Xunit;

namespace Orleans.DOS.Node.Tests.Crashes;

public abstract partial class CrashTests
{
    private static readonly TimeSpan CallMax = TimeSpan.FromSeconds(6);

    private static readonly TimeSpan KillAfter = TimeSpan.FromSeconds(2), Watched = TimeSpan.FromSeconds(12), ServedAgain = TimeSpan.FromSeconds(40);

    [Fact]
    public async Task Calls_WhileTheServingNodeIsKilled_AnswerWithinSixSeconds()
    {
        using var http = three.Http(first: 2);
        var orleans = await three.OrleansAsync();
        var calls = new ConcurrentBag<MadeCall>();
        using var end = new CancellationTokenSource();
        var callers = new List<Task>();
        foreach (var (way, machine) in new (string, IMachine)[] { ("http", http), ("orleans", orleans) })
        {
            var path = $"{Root}/{way}";
            await using var file = await machine.Files.OpenAsync(path, new FileOpenOptions { Create = true });
            callers.Add(RepeatAsync(calls, way + " append", () => file.AppendAsync(new byte[10_000]), end.Token));
            callers.Add(RepeatAsync(calls, way + " stat", () => machine.Files.StatAsync(path), end.Token));
            callers.Add(RepeatAsync(calls, way + " nodes", () => machine.Nodes.ListAsync(), end.Token));
            callers.Add(RepeatAsync(calls, way + " processes", () => machine.Processes.ListAsync(), end.Token));
        }
        await Task.Delay(KillAfter); // tidy: paces the load
        var killed = Stopwatch.GetTimestamp();
        await KillAsync(Nodes[2]);
        // Whatever was between: they all serve again.
        await Eventually.TrueAsync(
            "every kind of call is served again", ServedAgain,
            () => Task.FromResult(Stopwatch.GetElapsedTime(killed) > Watched && !Unserved(calls, killed).Any()),
            () => string.Join("\n", calls.Where(made => made.Begun > killed && Unserved(calls, killed).Contains(made.Call))) + Nodes.Logs);
        await end.CancelAsync();
        await Task.WhenAll(callers);

        var longest = calls.MaxBy(static call => call.Took);
        Assert.True(longest.Took < CallMax, $"{longest}");
        Assert.All(calls, static made => Assert.True(made.Failure is null or DosErrorCode.Unavailable or DosErrorCode.OutcomeUnknown, $"{made}"));
    }

    private static IEnumerable<string> Unserved(IEnumerable<MadeCall> calls, long since) =>
        calls.GroupBy(static made => made.Call).Where(kind => !kind.Any(made => made.Begun > since && made.Failure is null)).Select(static kind => kind.Key);

    private readonly record struct MadeCall(string Call, long Begun, TimeSpan Took, DosErrorCode? Failure);

    private static async Task RepeatAsync(ConcurrentBag<MadeCall> calls, string name, Func<Task> call, CancellationToken end)
    {
        while (!end.IsCancellationRequested)
        {
            var begun = Stopwatch.GetTimestamp();
            DosErrorCode? failure = null;
            try
            {
                // A call that hangs must fail this test, not hang it.
                await call().WaitAsync(TimeSpan.FromSeconds(20), CancellationToken.None);
            }
            catch (DosException exception)
            {
                failure = exception.Code;
            }
            calls.Add(new(name, begun, Stopwatch.GetElapsedTime(begun), failure));
            await Task.Delay(20, CancellationToken.None); // tidy: paces the load
        }
    }
}
