using Orleans.DOS.Checks;
using Xunit;

namespace Orleans.DOS.Grains.Tests.Checks;

public sealed class CheckRunTests
{
    /// <summary>The replicas of a segment are read side by side, and not always under one grain's scheduler.</summary>
    [Fact]
    public void WhatManyThreadsTell_IsAllInTheStep()
    {
        const int threads = 4;
        const int each = 5_000;
        var run = new CheckRun(null!, new CheckOptions(), _ => Task.CompletedTask);

        using var together = new Barrier(threads);
        var all = Enumerable.Range(0, threads).Select(_ => new Thread(() =>
        {
            together.SignalAndWait();
            for (var at = 0; at < each; at++)
            {
                run.Count(replicas: 1, bytesRead: 10);
                run.Add(new Finding { Kind = FindingKind.Missing, Text = "" });
            }
        })).ToList();
        all.ForEach(thread => thread.Start());
        all.ForEach(thread => thread.Join());

        var step = run.Step(null);
        Assert.Equal((threads * each, 10L * threads * each, threads * each), (step.Replicas, step.BytesRead, step.Findings.Count));
    }
}
