using Orleans.DOS.Node.Tests.Harness;

namespace Orleans.DOS.Node.Tests.Chaos;

/// <summary>Something that goes wrong, and for how long.</summary>
/// <param name="Promised">After it has begun, everything answers again within that time, although the fault may still last.</param>
/// <param name="Begin">Told the nodes and which of them it meets.</param>
internal sealed record Fault(string Name, TimeSpan Promised, TimeSpan Lasts, Func<IHurtNodes, int, Task> Begin)
{
    /// <summary>A crash resets its connections; what is merely silent is noticed later, and its successors wait until its lease is over.</summary>
    private static readonly TimeSpan Crash = TimeSpan.FromSeconds(6), Silence = TimeSpan.FromSeconds(18), Long = TimeSpan.FromSeconds(25);

    /// <summary>Above what a fault lasts, for those under which calls may fail as long as they last.</summary>
    private static readonly TimeSpan Slack = TimeSpan.FromSeconds(10);

    /// <summary>Faults of nodes and their hosts.</summary>
    private static readonly IReadOnlyList<Fault> OfNodes =
    [
        new("kill", Crash, TimeSpan.FromSeconds(12), (nodes, node) => nodes.KillAsync(node)),
        new("wiped disk", Crash, TimeSpan.FromSeconds(8), WipeAsync),
        new("kill two", TimeSpan.FromSeconds(3) + Slack, TimeSpan.FromSeconds(3), async (nodes, node) =>
        {
            foreach (var other in RelayedNodes.Others(node))
            {
                await nodes.KillAsync(other);
            }
        }),
        new("freeze", Silence, Long, Do<IHurtNodes>((nodes, node) => nodes.Freeze(node))),
        new("pause", TimeSpan.FromSeconds(4) + Slack, TimeSpan.FromSeconds(4), Do<IHurtNodes>((nodes, node) => nodes.Freeze(node))),
    ];

    /// <summary>Those of nodes without a supervisor over PostgreSQL, and of what is between them and before it.</summary>
    public static IReadOnlyList<Fault> OnPostgres { get; } =
    [
        .. OfNodes,
        new("full disk", Crash, TimeSpan.FromSeconds(12), Do<RelayedNodes>((nodes, _) => nodes.Small?.Fill())),
        new("split", Silence, Long, Do<RelayedNodes>((nodes, node) => nodes.Split(node))),
        new("split and cut off from the database", Silence, Long, Do<RelayedNodes>((nodes, node) =>
        {
            nodes.Split(node);
            nodes.Database(node).Hold();
        })),
        new("mute", Silence, Long, Do<RelayedNodes>((nodes, node) => nodes.Mute(node))),
        new("database cut off from one", TimeSpan.FromSeconds(12) + Slack, TimeSpan.FromSeconds(12), Do<RelayedNodes>((nodes, node) => nodes.Database(node).Hold())),
        new("database restarted", Slack, TimeSpan.Zero, async (nodes, _) =>
        {
            await ((RelayedNodes)nodes).Server.StopAtOnceAsync();
            await ((RelayedNodes)nodes).Server.StartAgainAsync();
        }),
        new("database away", TimeSpan.FromSeconds(8) + Slack, TimeSpan.FromSeconds(8), (nodes, _) => ((RelayedNodes)nodes).Server.StopAtOnceAsync()),
        new("late", TimeSpan.FromSeconds(12) + Slack, TimeSpan.FromSeconds(12), Do<RelayedNodes>((nodes, node) => nodes.Disturb(node, TimeSpan.FromMilliseconds(150), 0))),
        new("lost", TimeSpan.FromSeconds(12) + Slack, TimeSpan.FromSeconds(12), Do<RelayedNodes>((nodes, node) => nodes.Disturb(node, TimeSpan.FromMilliseconds(5), 0.01))),
    ];

    /// <summary>Those of nodes under a supervisor over SQLite.</summary>
    public static IReadOnlyList<Fault> OnSqlite { get; } =
    [
        .. OfNodes,
        new("full disk", Crash, TimeSpan.FromSeconds(12), Do<SupervisedNodes>((nodes, _) => nodes.Small?.Fill())),
        // Has begun when the supervisor has killed it: until then nobody can write to the catalog.
        new("freeze while it writes", Crash, Crash, (nodes, node) => ((SupervisedNodes)nodes).FreezeWritingAsync(node)),
    ];

    private static Func<IHurtNodes, int, Task> Do<T>(Action<T, int> begin)
        where T : IHurtNodes => (nodes, node) =>
    {
        begin((T)nodes, node);
        return Task.CompletedTask;
    };

    /// <summary>The files go under the running node, which then dies: nobody can be in time between its death and a supervisor's start.</summary>
    private static async Task WipeAsync(IHurtNodes nodes, int node)
    {
        nodes.Freeze(node);
        foreach (var directory in Directory.GetDirectories(nodes.DiskOf(node)))
        {
            Directory.Delete(directory, recursive: true);
        }
        Array.ForEach(Directory.GetFiles(nodes.DiskOf(node)), System.IO.File.Delete);
        await nodes.KillAsync(node);
    }
}
