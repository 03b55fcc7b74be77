using FsCheck;
using FsCheck.Fluent;
using Orleans.DOS.Processes;
using Xunit;

namespace Orleans.DOS.Kernel.Tests.Processes;

public sealed class ProcessLifecycleTests
{
    private static readonly DateTimeOffset Begin = DateTimeOffset.UnixEpoch;
    private static readonly NodeId A = new("n-a");
    private static readonly NodeId B = new("n-b");

    private static ProcessRow Running(RestartPolicy restart) => ProcessLifecycle.Start(ProcessLifecycle.New(restart), A, 3, Begin)!;

    [Theory]
    [InlineData(RestartPolicy.Never, 0, null, ProcessState.Exited)]
    [InlineData(RestartPolicy.Never, 1, null, ProcessState.Exited)]
    [InlineData(RestartPolicy.Never, 1, "WorkerLost", ProcessState.Failed)]
    [InlineData(RestartPolicy.OnFailure, 0, null, ProcessState.Exited)]
    [InlineData(RestartPolicy.OnFailure, 1, null, ProcessState.Pending)]
    [InlineData(RestartPolicy.OnFailure, 137, null, ProcessState.Pending)]
    [InlineData(RestartPolicy.OnFailure, 1, "WorkerLost", ProcessState.Pending)]
    [InlineData(RestartPolicy.Always, 0, null, ProcessState.Pending)]
    public void Exit_FollowsThePolicy(RestartPolicy restart, int code, string? failure, ProcessState expected)
    {
        var next = ProcessLifecycle.Exit(Running(restart), 1, A, code, failure, Begin.AddSeconds(1))!;
        Assert.Equal(expected, next.State);
        Assert.Equal(expected == ProcessState.Pending ? 2 : 1, next.Incarnation);
    }

    [Theory]
    [InlineData(0, null, ProcessState.Exited)]
    [InlineData(143, null, ProcessState.Exited)]
    [InlineData(1, "WorkerLost", ProcessState.Failed)]
    public void Exit_AfterItsEndWasAskedFor_IsFinal_AndThePolicyStays(int code, string? failure, ProcessState expected)
    {
        var asked = ProcessLifecycle.AskEnd(Running(RestartPolicy.Always), ProcessSignal.Terminate, Begin)!;
        Assert.Equal(ProcessState.Running, asked.State);
        var ended = ProcessLifecycle.Exit(asked, 1, A, code, failure, Begin.AddSeconds(1))!;
        Assert.Equal((expected, RestartPolicy.Always, ProcessSignal.Terminate), (ended.State, ended.Restart, ended.AskedToEnd));
        Assert.Equal(ProcessState.Failed, ProcessLifecycle.LoseNode(asked, A, 3, Begin)!.State);
    }

    [Fact]
    public void AskEnd_EndsWhatWaits_AndRecordsNothingTwice()
    {
        var ended = ProcessLifecycle.AskEnd(ProcessLifecycle.New(RestartPolicy.Always), ProcessSignal.Kill, Begin)!;
        Assert.Equal((ProcessState.Exited, 137), (ended.State, ended.ExitCode));
        Assert.Null(ProcessLifecycle.AskEnd(ended, ProcessSignal.Kill, Begin));
        var asked = ProcessLifecycle.AskEnd(Running(RestartPolicy.OnFailure), ProcessSignal.Interrupt, Begin)!;
        Assert.Null(ProcessLifecycle.AskEnd(asked, ProcessSignal.Kill, Begin));
        Assert.Null(ProcessLifecycle.AskEnd(Running(RestartPolicy.Never), ProcessSignal.Kill, Begin));
    }

    [Theory]
    [InlineData(0, null, false)]
    [InlineData(143, null, true)]
    [InlineData(1, "WorkerLost", false)]
    public void LastExit_IsWhatExitMakesOfARowThatIsNotStartedAgain(int code, string? failure, bool started)
    {
        // Taken back once and started elsewhere: what a row under that policy can have been through.
        var row = started
            ? ProcessLifecycle.Start(ProcessLifecycle.Unstart(Running(RestartPolicy.Never), 1, A, "no room")!, A, 5, Begin)!
            : Running(RestartPolicy.Never);
        Assert.Equal(ProcessLifecycle.Exit(row, row.Incarnation, A, code, failure, Begin.AddSeconds(1)), row.With(ProcessLifecycle.LastExit(code, failure, Begin.AddSeconds(1))));
    }

    [Fact]
    public void Exit_OfAnotherIncarnationOrNode_IsRefused()
    {
        var row = Running(RestartPolicy.Never);
        Assert.Null(ProcessLifecycle.Exit(row, 2, A, 0, null, Begin));
        Assert.Null(ProcessLifecycle.Exit(row, 1, B, 0, null, Begin));
        Assert.Null(ProcessLifecycle.LoseNode(row, A, 4, Begin));
    }

    [Fact]
    public void LoseNode_FailsOrRestartsElsewhere()
    {
        Assert.Equal((ProcessState.Failed, ProcessLifecycle.NodeLost), ProcessLifecycle.LoseNode(Running(RestartPolicy.Never), A, 3, Begin) is { } lost ? (lost.State, lost.Reason) : default);
        Assert.Equal((ProcessState.Pending, 2L), ProcessLifecycle.LoseNode(Running(RestartPolicy.OnFailure), A, 3, Begin) is { } again ? (again.State, again.Incarnation) : default);
    }

    [Fact]
    public void Restart_InAFastLoop_EndsAtTheBound()
    {
        var row = ProcessLifecycle.New(RestartPolicy.Always);
        var starts = 0;
        while (ProcessLifecycle.Start(row, A, 1, Begin.AddSeconds(starts)) is { } running)
        {
            starts++;
            row = ProcessLifecycle.Exit(running, running.Incarnation, A, 0, null, Begin.AddSeconds(starts))!;
        }
        Assert.Equal((ProcessLifecycle.RestartsMax + 1, ProcessState.Exited), (starts, row.State));
    }

    /// <summary>Whatever is reported in whatever order: the incarnation never falls, an end is final, and only a pending row names no node.</summary>
    [Fact]
    public void AnyReports_KeepTheInvariants() => Prop.ForAll(
        Gen.ListOf(Gen.Choose(0, 1000)).Select(list => list.ToArray()).ToArbitrary(),
        Gen.Choose(0, 2).ToArbitrary(),
        (events, policy) =>
        {
            var row = ProcessLifecycle.New((RestartPolicy)policy);
            foreach (var e in events)
            {
                var node = e % 2 == 0 ? A : B;
                var incarnation = row.Incarnation - (e / 8 % 2);
                var at = Begin.AddSeconds(e);
                var next = (e / 2 % 4) switch
                {
                    0 => ProcessLifecycle.Start(row, node, 1 + (e % 3), at),
                    1 => ProcessLifecycle.Exit(row, incarnation, node, e % 5, e % 7 == 0 ? "WorkerLost" : null, at),
                    2 => ProcessLifecycle.LoseNode(row, node, 1 + (e % 3), at),
                    _ => ProcessLifecycle.Unstart(row, incarnation, node, "full"),
                };
                if (next is null)
                {
                    continue;
                }
                if (row.HasEnded || next.Incarnation < row.Incarnation || (next.State == ProcessState.Pending) != (next.Node is null))
                {
                    return false;
                }
                row = next;
            }
            return true;
        }).QuickCheckThrowOnFailure();
}
