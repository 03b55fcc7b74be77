using Orleans.DOS.Files;
using Orleans.DOS.Jobs;
using Xunit;

namespace Orleans.DOS.Grains.Tests.Jobs;

/// <summary>Whom a coordinator charges for a failed attempt.</summary>
public sealed class JobRunTests
{
    private static readonly NodeId Node = new("n-a");
    private readonly JobRun _run = NewRun();
    private DateTimeOffset _now = DateTimeOffset.UnixEpoch;

    [Theory]
    [InlineData(DosErrorCode.Unavailable)]
    [InlineData(DosErrorCode.OutcomeUnknown)]
    public void Failure_OfTheCluster_IsNotCharged(DosErrorCode code)
    {
        for (var failure = 0; failure < 10; failure++)
        {
            _run.ApplyFailure(Failed(Assign()) with { ErrorCode = code }, _now);
        }
        Assert.Null(_run.Table.Failure);
    }

    [Fact]
    public void Failure_OfTheTask_IsCharged()
    {
        _run.ApplyFailure(Failed(Assign()) with { ErrorCode = DosErrorCode.LimitExceeded }, _now);
        Assert.NotNull(_run.Table.Failure);
    }

    [Fact]
    public void WorkerLost_WithOthersInIt_IsNotCharged_AndAloneItIs()
    {
        _run.ApplyFailure(Failed(Assign()) with { IsWorkerLost = true }, _now);
        Assert.Null(_run.Table.Failure);
        _run.ApplyFailure(Failed(Assign()), _now);
        Assert.NotNull(_run.Table.Failure);
    }

    [Fact]
    public void MapOutputUnavailable_IsWaitedForAWhile_ThenMadeAgain()
    {
        _run.Apply(new TaskReport { Job = new JobId(1), Task = 0, Attempt = Assign().Attempt, Output = "/map", Partitions = [(0, 5)] }, _now);
        var until = _now + Limits.MapOutputUnavailableMax;
        while (_now < until)
        {
            Assert.True(_run.Table.IsDone(0));
            _run.ApplyFailure(Failed(Assign()) with { ErrorCode = DosErrorCode.Unavailable, LostInput = "/map" }, _now);
        }
        Assert.True(_run.Table.IsDone(0));
        _run.ApplyFailure(Failed(Assign()) with { ErrorCode = DosErrorCode.Unavailable, LostInput = "/map" }, _now);
        Assert.False(_run.Table.IsDone(0));
    }

    [Fact]
    public void Output_OnANodeThatIsGone_IsMadeAgain_WhetherTheNodeWasKnownOrNot()
    {
        NodeId other = new("n-b");
        _run.Follow(new HashSet<NodeId> { Node, other });
        _run.Apply(Mapped(Assign()), _now);
        Assert.True(_run.Table.IsDone(0));
        _run.Follow(new HashSet<NodeId> { other });
        Assert.False(_run.Table.IsDone(0));

        // Told by the node before it went, and counted after.
        _run.Apply(Mapped(Assign()), _now);
        Assert.True(_run.Table.IsDone(0));
        _run.LoseOutputs();
        Assert.False(_run.Table.IsDone(0));
    }

    private static TaskReport Mapped(TaskAssignment assignment) => new()
    {
        Job = new JobId(1), Task = assignment.Task, Attempt = assignment.Attempt, Output = "/map", Partitions = [(0, 5)],
        OutputLocations = [new FileLocation(0, 5, [Node])],
    };

    /// <summary>The next attempt, after the pause that a failure of the cluster costs.</summary>
    private TaskAssignment Assign()
    {
        _run.Table.Wake(_now += Limits.TaskUnavailablePause);
        return Assert.Single(_run.Table.Take(Node, 1, _now));
    }

    private static TaskReport Failed(TaskAssignment assignment) =>
        new() { Job = new JobId(1), Task = assignment.Task, Attempt = assignment.Attempt, Error = "staged" };

    private static JobRun NewRun()
    {
        var spec = new JobSpec { Program = "wordcount", Inputs = ["/a"], AttemptsMax = 1 };
        var plan = new JobPlan
        {
            Files = [new PlannedFile("/a", new InodeId(5), 10)], Split = JobSplit.ByRange, RangeBytes = spec.RangeBytes, Partitioning = JobPartitioning.Hash, Partitions = 1,
        };
        return new JobRun(new JobRow { JobId = 1 }, spec, plan, 1, Node);
    }
}
