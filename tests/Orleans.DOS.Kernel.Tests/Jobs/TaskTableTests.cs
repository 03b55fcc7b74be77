using Xunit;

namespace Orleans.DOS.Jobs;

public sealed class TaskTableTests
{
    private static readonly NodeId A = new("n-a");
    private static readonly NodeId B = new("n-b");
    private static readonly NodeId[] Nodes = [A, B, new("n-c")];

    [Fact]
    public void Assign_BeforeAllMapsAreDone_GivesNoReduceTask()
    {
        var table = new TaskTable(1, 1, false, 3);
        Assert.True(table.TryAssign(A, out var map));
        Assert.False(table.TryAssign(B, out _));
        Assert.True(table.Succeed(map.Value.Task, map.Value.Attempt, []));
        Assert.True(table.TryAssign(B, out var reduce));
        Assert.Equal(TaskLayer.Reduce, table.KindOf(reduce.Value.Task));
    }

    [Fact]
    public void Assign_WithASample_BeginsWithIt()
    {
        var table = new TaskTable(1, 2, true, 3);
        Assert.True(table.TryAssign(A, out var sample));
        Assert.Equal(table.SampleTask, sample.Value.Task);
        Assert.False(table.TryAssign(A, out _));
        table.Succeed(sample.Value.Task, 1, []);
        Assert.True(table.TryAssign(A, out var map));
        Assert.Equal(0, map.Value.Task);
    }

    [Fact]
    public void Assign_WithLocalData_PrefersTheNodeThatHoldsIt()
    {
        var table = new TaskTable(3, 0, false, 3);
        table.Locate(2, new Dictionary<NodeId, long> { [B] = 80 }, 100);
        Assert.True(table.TryAssign(B, out var near));
        Assert.True(table.TryAssign(A, out var first));
        Assert.Equal((2, 0), (near.Value.Task, first.Value.Task));
    }

    [Fact]
    public void Succeed_OfALateFirstAttempt_CountsAndTheSecondIsDiscarded()
    {
        var table = new TaskTable(1, 0, false, 3);
        table.TryAssign(A, out var first);
        table.LoseNode(A, new HashSet<NodeId> { B });
        table.TryAssign(B, out var second);
        Assert.True(table.Succeed(0, first!.Value.Attempt, []));
        Assert.False(table.Succeed(0, second!.Value.Attempt, []));
        Assert.Equal((1, 0, first.Value.Attempt), (table.Done, table.Running, table.DoneAttempt(0)));
    }

    [Fact]
    public void LoseNode_WithTheOnlyCopyOfAMapOutput_RunsTheMapAgain()
    {
        var table = new TaskTable(2, 1, false, 3);
        table.TryAssign(A, out _);
        table.TryAssign(B, out _);
        table.Succeed(0, 1, [[A]]);
        table.Succeed(1, 1, [[A, B]]);
        Assert.True(table.TryAssign(B, out var reduce));
        table.LoseNode(A, new HashSet<NodeId> { B });
        Assert.Equal((false, true), (table.IsDone(0), table.IsDone(1)));
        Assert.True(table.TryAssign(B, out var again));
        Assert.Equal(new TaskAssignment(0, 2), again);
        table.Succeed(0, 2, [[B]]);
        Assert.True(table.Succeed(reduce!.Value.Task, 1, []));
        Assert.True(table.IsComplete);
    }

    [Fact]
    public void LoseNode_AfterAllReducersAreDone_KeepsMapsDone()
    {
        var table = new TaskTable(1, 1, false, 3);
        table.TryAssign(A, out _);
        table.Succeed(0, 1, [[A]]);
        table.TryAssign(B, out _);
        table.Succeed(1, 1, []);
        table.LoseNode(A, new HashSet<NodeId> { B });
        Assert.True(table.IsComplete);
    }

    [Fact]
    public void Fail_AsOftenAsAllowed_FailsTheJobAndLossesDoNotCount()
    {
        var table = new TaskTable(1, 0, false, 2);
        for (var i = 0; i < 10; i++)
        {
            table.TryAssign(A, out _);
            table.LoseNode(A, new HashSet<NodeId>());
        }
        table.TryAssign(A, out var one);
        table.Fail(0, one!.Value.Attempt, "first");
        table.Fail(0, one.Value.Attempt, "told twice");
        Assert.Null(table.Failure);
        table.TryAssign(A, out var two);
        table.Fail(0, two!.Value.Attempt, "second");
        Assert.Contains("second", table.Failure, StringComparison.Ordinal);
        Assert.False(table.TryAssign(A, out _));
    }

    [Fact]
    public void Postpone_ForLess_ThanTheBound_ChargesNothing_AndTheTaskWaitsItsPause()
    {
        var table = new TaskTable(1, 0, false, 2);
        var now = DateTimeOffset.UnixEpoch;
        for (var i = 0; i < 20; i++)
        {
            Assert.True(table.TryAssign(A, out var assignment));
            table.Postpone(0, assignment.Value.Attempt, "away", now);
            table.Postpone(0, assignment.Value.Attempt, "told twice", now);
            table.Wake(now);
            Assert.False(table.TryAssign(A, out _));
            now += Limits.TaskUnavailablePause;
            table.Wake(now);
        }
        Assert.Equal((null, 20, 0), (table.Failure, table.Retried, table.Running));
    }

    [Fact]
    public void Postpone_ForLongerThanTheBound_FailsTheJobWithTheReason()
    {
        var table = new TaskTable(1, 0, false, 3);
        var now = DateTimeOffset.UnixEpoch;
        for (var attempt = 1; attempt <= 3; attempt++)
        {
            Assert.Null(table.Failure);
            table.TryAssign(A, out _);
            table.Postpone(0, attempt, "catalog away", now);
            now += Limits.TaskUnavailableMax;
            table.Wake(now);
        }
        Assert.Contains("catalog away", table.Failure, StringComparison.Ordinal);
    }

    /// <summary>Two faults an hour apart in a task that runs for hours are not one that lasts an hour.</summary>
    [Fact]
    public void Postpone_TwiceFarApart_DoesNotFailTheJob()
    {
        var table = new TaskTable(1, 0, false, 3);
        table.TryAssign(A, out _);
        table.Postpone(0, 1, "away", DateTimeOffset.UnixEpoch);
        table.Wake(DateTimeOffset.UnixEpoch + Limits.TaskUnavailablePause);
        table.TryAssign(A, out _);
        table.Postpone(0, 2, "away", DateTimeOffset.UnixEpoch + TimeSpan.FromHours(1));
        Assert.Null(table.Failure);
    }

    [Fact]
    public void LoseWorker_FewerTimesThanTheBound_ChargesNothing_AndAtTheBoundFailsTheJob()
    {
        var table = new TaskTable(1, 0, false, 1);
        for (var loss = 1; loss <= Limits.TaskWorkerLossesMax; loss++)
        {
            Assert.Null(table.Failure);
            Assert.True(table.TryAssign(A, out var assignment));
            table.LoseWorker(0, assignment.Value.Attempt, "WorkerLost");
        }
        Assert.Contains("WorkerLost", table.Failure, StringComparison.Ordinal);
    }

    [Fact]
    public void Withdraw_OfACertainRefusal_GivesTheAttemptsNumberAgain_AndOfADoubtfulOneDoesNot()
    {
        var table = new TaskTable(1, 0, false, 1);
        for (var refusal = 0; refusal < 2000; refusal++)
        {
            table.TryAssign(A, out var refused);
            table.Withdraw(0, refused!.Value.Attempt, isCertain: true);
        }
        table.TryAssign(A, out var doubtful);
        table.Withdraw(0, doubtful!.Value.Attempt);
        table.TryAssign(A, out var next);
        Assert.Equal((1, 2), (doubtful.Value.Attempt, next!.Value.Attempt));
    }

    [Fact]
    public void FailForLostInput_ChargesTheMapOnceForOneAttempt()
    {
        var table = new TaskTable(1, 2, false, 2);
        table.TryAssign(A, out _);
        table.Succeed(0, 1, [[A]]);
        table.TryAssign(A, out var first);
        table.TryAssign(B, out var second);
        table.FailForLostInput(first!.Value.Task, 1, 0, 1, "gone");
        table.FailForLostInput(second!.Value.Task, 1, 0, 1, "gone");
        Assert.Null(table.Failure);
        Assert.True(table.TryAssign(B, out var again));
        Assert.Equal(new TaskAssignment(0, 2), again);
        Assert.False(table.TryAssign(B, out _));
    }

    [Fact]
    public void Unavailability_IsCountedInARow_AndALossEndsTheRow()
    {
        var table = new TaskTable(1, 0, false, 2);
        var start = DateTimeOffset.UnixEpoch;
        table.TryAssign(A, out var first);
        table.Postpone(0, first!.Value.Attempt, "away", start);
        table.Wake(start + Limits.TaskUnavailablePause);
        Assert.Equal(TimeSpan.FromSeconds(9), table.UnavailableFor(0, start + TimeSpan.FromSeconds(9)));
        table.TryAssign(A, out _);
        table.LoseNode(A, new HashSet<NodeId> { B });
        Assert.Equal(TimeSpan.Zero, table.UnavailableFor(0, start + TimeSpan.FromSeconds(9)));

        table.TryAssign(B, out var second);
        table.Postpone(0, second!.Value.Attempt, "away", start);
        table.Wake(start + Limits.TaskUnavailablePause);
        table.TryAssign(B, out var third);
        table.LoseWorker(0, third!.Value.Attempt, "lost");
        Assert.Equal(TimeSpan.Zero, table.UnavailableFor(0, start + TimeSpan.FromSeconds(9)));
    }

    [Fact]
    public void Restore_OfJournaledTasks_RunsOnlyTheRest()
    {
        var table = new TaskTable(3, 0, false, 2);
        table.Restore(1, 4, []);
        Assert.True(table.TryAssign(A, out var first));
        Assert.True(table.TryAssign(A, out var second));
        Assert.False(table.TryAssign(A, out _));
        Assert.Equal((0, 2), (first.Value.Task, second.Value.Task));
    }

    /// <summary>
    /// Random losses, failures, repeated and late reports, lost outputs, and coordinators that die and resume from the journal. The twin
    /// knows only the promise: a reducer reads each map task exactly once, each task's result is taken once per attempt, and the job ends.
    /// </summary>
    [Fact]
    public void AnySequenceOfLossesAndRepeats_EndsWithEveryTaskCountedOnce()
    {
        for (var seed = 0; seed < 3000; seed++)
        {
            new TaskTableTwin(seed, Nodes).Run();
        }
    }
}
