using Xunit;

namespace Orleans.DOS.Jobs;

public sealed class TaskTableLocalityTests
{
    private static readonly NodeId A = new("n-a");
    private static readonly NodeId B = new("n-b");
    private static readonly DateTimeOffset Start = DateTimeOffset.UnixEpoch;

    [Fact]
    public void NodeWithoutTheBytes_WaitsForTheirHolder_ForABoundedTime()
    {
        var table = AllOn(B, 2);
        Assert.Empty(table.Take(A, 1, Start));
        Assert.Empty(table.Take(A, 1, Start + Limits.TaskLocalityWaitMax - TimeSpan.FromMilliseconds(1)));
        Assert.Single(table.Take(A, 1, Start + Limits.TaskLocalityWaitMax));
    }

    [Fact]
    public void HolderThatTakesATask_BeginsTheWaitAnew()
    {
        var table = AllOn(B, 3);
        Assert.Empty(table.Take(A, 1, Start));
        Assert.Single(table.Take(B, 1, Start + Limits.TaskLocalityWaitMax));
        Assert.Empty(table.Take(A, 1, Start + Limits.TaskLocalityWaitMax));
        Assert.Single(table.Take(A, 1, Start + (2 * Limits.TaskLocalityWaitMax)));
    }

    [Fact]
    public void WhatLiesNowhere_IsWaitedForByNobody()
    {
        var table = new TaskTable(2, 0, false, 3);
        table.Locate(0, new Dictionary<NodeId, long> { [B] = 1 }, 1);
        Assert.Equal([new TaskAssignment(1, 1)], table.Take(A, 2, Start));
    }

    [Fact]
    public void TasksTakenTogether_TakeOneSlot_UntilTheLastOfThemHasEnded()
    {
        var table = new TaskTable(5, 0, false, 3);
        Assert.Equal([0, 1, 2], table.Take(A, 3, Start).Select(taken => taken.Task));
        Assert.Equal((1, 3), (table.LanesOn(A), table.RunningOn(A)));
        table.Succeed(2, 1, [], Start);
        table.Fail(0, 1, "planned");
        Assert.Equal((1, 1), (table.LanesOn(A), table.RunningOn(A)));
        table.Withdraw(1, 1);
        Assert.Equal((0, 0, 4), (table.LanesOn(A), table.RunningOn(A), table.Pending));
    }

    /// <summary>Three nodes that hold unequal shares of the input, one replica each, and tasks shorter than the wait: none runs elsewhere.</summary>
    [Fact]
    public void OneReplica_UnequalShares_AreReadWhereTheyLie()
    {
        NodeId[] nodes = [A, B, new("n-c")];
        for (var seed = 0; seed < 200; seed++)
        {
            var random = new Random(seed);
            var table = new TaskTable(60, 0, false, 3);
            for (var task = 0; task < 60; task++)
            {
                table.Locate(task, new Dictionary<NodeId, long> { [nodes[Math.Min(2, random.Next(0, 6))]] = 100 }, 100);
            }
            var running = new List<(TaskAssignment Assignment, DateTimeOffset Ends)>();
            var local = 0;
            for (var now = Start; !table.IsComplete; now += TimeSpan.FromMilliseconds(100))
            {
                foreach (var ended in running.Where(one => one.Ends <= now).ToArray())
                {
                    running.Remove(ended);
                    table.Succeed(ended.Assignment.Task, ended.Assignment.Attempt, [], now);
                }
                foreach (var node in nodes.Where(node => table.LanesOn(node) == 0))
                {
                    foreach (var taken in table.Take(node, 1, now))
                    {
                        local += table.LocalBytes(taken.Task, node) > 0 ? 1 : 0;
                        running.Add((taken, now + TimeSpan.FromMilliseconds(random.Next(100, 2500))));
                    }
                }
            }
            Assert.Equal(60, local);
        }
    }

    [Fact]
    public void BatchSize_IsOneUntilATimeIsKnown_ThenFillsTheBatchTime_AndShrinksAtTheEnd()
    {
        var size = new BatchSize();
        Assert.Equal(1, size.Next(100_000, 3));
        size.Add(Limits.TaskBatchTime / 10);
        Assert.Equal(10, size.Next(100_000, 3));
        Assert.Equal(2, size.Next(24, 3));
        Assert.Equal(1, size.Next(0, 3));
        for (var run = 0; run < 200; run++)
        {
            size.Add(TimeSpan.Zero);
        }
        Assert.Equal(Limits.TaskBatchMax, size.Next(100_000, 3));
    }

    [Fact]
    public void Median_EqualsThatOfTheSortedDurations()
    {
        var random = new Random(1);
        var median = new RunningMedian();
        var all = new List<TimeSpan>();
        Assert.Null(median.Median);
        for (var count = 1; count <= 500; count++)
        {
            all.Add(TimeSpan.FromTicks(random.Next(100)));
            median.Add(all[^1]);
            Assert.Equal(all.Order().ElementAt((count - 1) / 2), median.Median);
        }
    }

    private static TaskTable AllOn(NodeId node, int tasks)
    {
        var table = new TaskTable(tasks, 0, false, 3);
        for (var task = 0; task < tasks; task++)
        {
            table.Locate(task, new Dictionary<NodeId, long> { [node] = 100 }, 100);
        }
        return table;
    }
}
