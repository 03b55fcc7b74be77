using Xunit;

namespace Orleans.DOS.Jobs;

public sealed class TaskTableStragglerTests
{
    private static readonly NodeId A = new("n-a");
    private static readonly NodeId B = new("n-b");
    private static readonly DateTimeOffset Start = DateTimeOffset.UnixEpoch;
    private static readonly TimeSpan Patience = Limits.StragglerRunMin;
    private static readonly TimeSpan Tick = TimeSpan.FromMilliseconds(1);

    [Fact]
    public void Straggler_RunsASecondTime_OnAnotherNode_AndNeverAThird()
    {
        var table = OneDoneOneRunning(TimeSpan.FromSeconds(1));
        Assert.Empty(table.Take(B, 1, Start + Patience));
        var late = Start + Patience + Tick;
        Assert.Empty(table.Take(A, 1, late));
        Assert.Equal([new TaskAssignment(1, 2)], table.Take(B, 1, late));
        Assert.Empty(table.Take(new NodeId("n-c"), 1, late + TimeSpan.FromHours(1)));
        Assert.Equal((2, 1), (table.Running, table.Done));
    }

    [Fact]
    public void Straggler_HasRunTwiceAsLongAsHalfOfTheFinishedOnes()
    {
        var table = OneDoneOneRunning(Patience * 5);
        Assert.Empty(table.Take(B, 1, Start + (Patience * 10)));
        Assert.Single(table.Take(B, 1, Start + (Patience * 10) + Tick));
    }

    [Fact]
    public void Straggler_WhileAnotherTaskWaits_RunsOnce()
    {
        var table = new TaskTable(3, 0, false, 3);
        table.Take(A, 2, Start);
        table.Succeed(0, 1, [], Start);
        Assert.Equal([new TaskAssignment(2, 1)], table.Take(B, 1, Start + TimeSpan.FromHours(1)));
    }

    [Fact]
    public void FirstResult_Wins_AndTheLoserIsToldOnce()
    {
        var table = OneDoneOneRunning(TimeSpan.Zero);
        table.Take(B, 1, Start + Patience + Tick);
        Assert.True(table.Succeed(1, 2, [], Start + (Patience * 2)));
        Assert.Equal([(A, new TaskAssignment(1, 1))], table.TakeLosers());
        Assert.Empty(table.TakeLosers());
        Assert.False(table.Succeed(1, 1, [], Start + (Patience * 2)));
        Assert.Equal((2, 0, 0, 2), (table.Done, table.Running, table.LanesOn(A), table.DoneAttempt(1)));
    }

    [Fact]
    public void FailureOfOneAttempt_LeavesTheOtherRunning_AndBeginsNone()
    {
        var table = OneDoneOneRunning(TimeSpan.Zero);
        table.Take(B, 1, Start + Patience + Tick);
        table.Fail(1, 2, "planned");
        Assert.Equal((0, 1, 0), (table.Pending, table.Running, table.Retried));
        Assert.True(table.Succeed(1, 1, [], Start + (Patience * 2)));
        Assert.True(table.IsComplete);
    }

    /// <summary>
    /// Three nodes with a slot each, of whose attempts some hang for ever; never both of one task. The account knows only the promise: every task counts
    /// once, at most two attempts at one run at once and on two nodes, a second one only when nothing waits and after its time, and the job ends.
    /// </summary>
    [Fact]
    public void AttemptsThatHang_DoNotHoldTheJobUp()
    {
        for (var seed = 0; seed < 500; seed++)
        {
            Hang(seed);
        }
    }

    private static void Hang(int seed)
    {
        var random = new Random(seed);
        NodeId[] nodes = [A, B, new("n-c")];
        var (maps, reduces) = (random.Next(2, 12), random.Next(0, 3));
        var table = new TaskTable(maps, reduces, false, 3);
        // The first of a layer ends, or there would be nothing to compare with; and one slot stays free of what hangs.
        var hanging = new[] { random.Next(1, maps) };
        var running = new Dictionary<TaskAssignment, (NodeId Node, DateTimeOffset Began, DateTimeOffset Ends)>();
        var counted = new Dictionary<int, int>();
        var now = Start;
        for (var steps = 0; !table.IsComplete; steps++, now += TimeSpan.FromMilliseconds(100))
        {
            Assert.True(steps < 2000, $"seed {seed}: does not end");
            foreach (var (assignment, (_, _, _)) in running.Where(pair => pair.Value.Ends <= now).ToArray())
            {
                running.Remove(assignment);
                if (table.Succeed(assignment.Task, assignment.Attempt, [], now))
                {
                    Assert.True(counted.TryAdd(assignment.Task, assignment.Attempt), $"seed {seed}: task {assignment.Task} counted twice");
                }
            }
            foreach (var (node, loser) in table.TakeLosers())
            {
                Assert.True(running.Remove(loser, out var lost) && lost.Node == node && counted.ContainsKey(loser.Task), $"seed {seed}: {loser} is no loser");
            }
            foreach (var node in nodes.Where(node => table.LanesOn(node) == 0))
            {
                var waiting = table.Pending;
                foreach (var assignment in table.Take(node, 1, now))
                {
                    var other = running.Where(pair => pair.Key.Task == assignment.Task).ToArray();
                    Assert.True(other.Length <= 1, $"seed {seed}: three attempts at once");
                    Assert.All(other, pair => Assert.True(waiting == 0 && pair.Value.Node != node && now - pair.Value.Began > Patience, $"seed {seed}: {assignment} is too early"));
                    var ends = assignment.Attempt == 1 && hanging.Contains(assignment.Task) ? DateTimeOffset.MaxValue : now + TimeSpan.FromMilliseconds(random.Next(100, 2000));
                    running.Add(assignment, (node, now, ends));
                }
            }
        }
        Assert.Equal(maps + reduces, counted.Count);
        Assert.All(hanging, task => Assert.Equal(2, counted[task]));
        Assert.Equal((0, 0), (table.Running, nodes.Sum(table.LanesOn)));
    }

    /// <summary>Two tasks on A, in slots of their own: the first has taken so long, the second runs since the start.</summary>
    private static TaskTable OneDoneOneRunning(TimeSpan took)
    {
        var table = new TaskTable(2, 0, false, 3);
        table.Take(A, 1, Start);
        table.Take(A, 1, Start);
        Assert.True(table.Succeed(0, 1, [], Start + took));
        return table;
    }
}
