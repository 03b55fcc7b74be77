using Orleans.DOS.Catalog;
using Orleans.DOS.Processes;
using Xunit;
using static Orleans.DOS.Grains.Tests.Processes.NodesInProcess;

namespace Orleans.DOS.Grains.Tests.Processes;

public abstract partial class ProcessGrainTests
{
    [Fact]
    public async Task Spawns_ThatWait_HoldUpNoListing()
    {
        var (waiting, gate) = (0, new TaskCompletionSource());
        var spawns = 2 * Environment.ProcessorCount;
        foreach (var catalog in nodes.Catalogs)
        {
            catalog.Before = () =>
            {
                Interlocked.Increment(ref waiting);
                return gate.Task;
            };
        }
        try
        {
            var spawning = Enumerable.Range(0, spawns).Select(_ => nodes.Table.SpawnAsync(Call(), new ProcessSpec { Program = "true" })).ToList();
            // They share a commit: the first of them waits with all that come meanwhile.
            await Poll.UntilAsync(() => Task.FromResult(Volatile.Read(ref waiting) >= 1), Patience);
            await nodes.Table.ListAsync(Call(), false, null, 10).WaitAsync(TimeSpan.FromSeconds(3));
            gate.SetResult();
            await Task.WhenAll(spawning);
        }
        finally
        {
            gate.TrySetResult();
            nodes.Catalogs.ForEach(static catalog => catalog.Before = static () => Task.CompletedTask);
        }
    }

    /// <summary>
    /// It comes through two nodes, whose writers insert at the same time; where only one writes at a time, one waits in vain for the other to
    /// come so far. And twice through one node, whose writer has both in one transaction.
    /// </summary>
    [Fact]
    public async Task Spawn_RepeatedWhileTheFirstIsUnderWay_IsTheSameProcess()
    {
        using var both = new Barrier(2);
        foreach (var catalog in nodes.Catalogs)
        {
            catalog.Refuse = sql =>
            {
                if (sql.StartsWith("INSERT INTO dos_requests", StringComparison.Ordinal))
                {
                    both.SignalAndWait(TimeSpan.FromSeconds(1));
                }
                return null;
            };
        }
        try
        {
            var call = Call();
            var spec = new ProcessSpec { Program = "true" };
            var answers = await Task.WhenAll(new[] { 0, 0, 1 }.Select(node => nodes.TableAt(node).SpawnAsync(call, spec)));
            Assert.Single(answers.DistinctBy(answer => answer.Pid));
        }
        finally
        {
            nodes.Catalogs.ForEach(static catalog => catalog.Refuse = static _ => null);
        }
    }
}
