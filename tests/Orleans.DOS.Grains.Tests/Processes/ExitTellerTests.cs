using System.Collections.Concurrent;
using System.Reflection;
using Microsoft.Extensions.Logging.Abstractions;
using Orleans.DOS.Catalog;
using Orleans.DOS.Nodes;
using Orleans.DOS.Processes;
using Xunit;

namespace Orleans.DOS.Grains.Tests.Processes;

public sealed class ExitTellerTests
{
    /// <summary>While the calls that there may be at once are under way, more wait; a node that leaves lets them follow.</summary>
    [Fact]
    public async Task EndsThatWaitWhenTheNodeLeaves_AreStillTold()
    {
        await using var fixture = new ProgramHostFixture();
        var gate = new TaskCompletionSource(TaskCreationOptions.RunContinuationsAsynchronously);
        var told = new ConcurrentBag<ProcessId>();
        var calls = 0;
        var table = Double<IProcessTableDoor>.Of(async arguments =>
        {
            Interlocked.Increment(ref calls);
            await gate.Task;
            var ends = (IReadOnlyList<ProcessEnd>)arguments[1]!;
            ends.ToList().ForEach(end => told.Add(end.Pid));
            return [.. ends.Select(_ => true)];
        });
        using var teller = new ExitTeller(
            fixture.Host, Double<IGrainFactory>.Of(_ => table), Double<INodeView>.Of(_ => new NodeId("n-1")), NullLogger<ExitTeller>.Instance);
        await teller.StartAsync(CancellationToken.None);
        var pids = new List<ProcessId>();
        for (var number = 1; number <= 4; number++)
        {
            var pid = await fixture.StartAsync(new ProcessSpec { Program = "true" });
            await fixture.ExitAsync(pid);
            pids.Add(pid);
            var wanted = Math.Min(number, 2);
            await Poll.UntilAsync(() => Task.FromResult(Volatile.Read(ref calls) == wanted), ProgramHostFixture.Patience);
        }
        var stopping = teller.StopAsync(CancellationToken.None);
        gate.SetResult();
        await stopping;
        Assert.Equal(pids.OrderBy(pid => pid.Value), told.OrderBy(pid => pid.Value));
    }

    /// <summary>Answers every call in one way.</summary>
    public class Double<T> : DispatchProxy
        where T : class
    {
        private Func<object?[], object> _answer = static _ => throw new NotSupportedException();

        public static T Of(Func<object?[], object> answer)
        {
            var made = Create<T, Double<T>>();
            ((Double<T>)(object)made)._answer = answer;
            return made;
        }

        public static T Of(Func<object?[], Task<IReadOnlyList<bool>>> answer) => Of(arguments => (object)answer(arguments));

        protected override object Invoke(MethodInfo? targetMethod, object?[]? args) => _answer(args ?? []);
    }
}
