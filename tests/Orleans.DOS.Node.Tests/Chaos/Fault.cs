using Orleans.DOS.Node.Tests.Harness;

namespace Orleans.DOS.Node.Tests.Chaos;

/// <summary>Something that goes wrong, and for how long.</summary>
/// <param name="Promised">After it has begun, everything answers again within that time, although the fault may still last.</param>
/// <param name="Begin">Told the nodes and which of them it meets.</param>
internal sealed record Fault(string Name, TimeSpan Promised, TimeSpan Lasts, Func<IHurtNodes, int, Task> Begin)
{
    /// <summary>
    /// Within that time after the harness has healed all ways and lets every node run, every door answers reads and changes: nodes start
    /// meanwhile, which takes a few seconds on an idle host, and 10 to 20 on one that is busy with other tests.
    /// </summary>
    public TimeSpan AnswersAgain { get; init; } = TimeSpan.FromSeconds(30);

    /// <summary>The node reaches neither another node nor the catalog: it is the minority, and must refuse.</summary>
    public bool Isolates { get; init; }

    /// <summary>Without the right to mount a small disk it would be no fault at all.</summary>
    public bool FillsDisk { get; init; }

    /// <summary>A crash resets its connections; what is merely silent is noticed later, and its successors wait until its lease is over.</summary>
    private static readonly TimeSpan Crash = TimeSpan.FromSeconds(6), Silence = TimeSpan.FromSeconds(18), Long = TimeSpan.FromSeconds(25);

    /// <summary>
    /// Answers again, what was declared dead and does not know it: it hears of it when all is healed, ends, and only then starts; the
    /// others have to see both.
    /// </summary>
    private static readonly TimeSpan Reborn = TimeSpan.FromSeconds(45);

    /// <summary>Above what a fault lasts, for those under which calls may fail as long as they last.</summary>
    private static readonly TimeSpan Slack = TimeSpan.FromSeconds(10);

    /// <summary>Ways that are bad all the time: calls over them may fail until the end.</summary>
    private static readonly TimeSpan BadWay = TimeSpan.FromSeconds(12), Through = BadWay + Slack;

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
        })
        {
            // Two of three at once are noticed within 45 s (design, section 5).
            AnswersAgain = Reborn,
        },
        new("freeze", Silence, Long, Do<IHurtNodes>((nodes, node) => nodes.Freeze(node))) { AnswersAgain = Reborn },
        new("pause", TimeSpan.FromSeconds(4) + Slack, TimeSpan.FromSeconds(4), Do<IHurtNodes>((nodes, node) => nodes.Freeze(node))),
    ];

    /// <summary>Those of nodes without a supervisor over PostgreSQL, and of what is between them and before it.</summary>
    public static IReadOnlyList<Fault> OnPostgres { get; } =
    [
        .. OfNodes,
        new("full disk", Crash, TimeSpan.FromSeconds(12), Do<RelayedNodes>((nodes, _) => nodes.Small!.Fill())) { FillsDisk = true },
        new("split", Silence, Long, Do<RelayedNodes>((nodes, node) => nodes.Split(node))) { AnswersAgain = Reborn },
        new("split and cut off from the database", Silence, Long, Do<RelayedNodes>((nodes, node) =>
        {
            nodes.Split(node);
            nodes.Database(node).Hold();
        })) { Isolates = true, AnswersAgain = Reborn },
        // What finds at once that there is no catalog asks the owner, who answers from memory if nothing keeps it from that.
        new("split and refused by the database", Silence, Long, Do<RelayedNodes>((nodes, node) =>
        {
            nodes.Split(node);
            nodes.Database(node).Cut();
        })) { Isolates = true, AnswersAgain = Reborn },
        new("mute", Silence, Long, Do<RelayedNodes>((nodes, node) => nodes.Mute(node))) { AnswersAgain = Reborn },
        new("database cut off from one", Through, BadWay, Do<RelayedNodes>((nodes, node) => nodes.Database(node).Hold())),
        new("database late", Through, BadWay, Do<RelayedNodes>((nodes, node) => nodes.DisturbDatabase(node, TimeSpan.FromMilliseconds(150), 0))),
        new("database lost", Through, BadWay, Do<RelayedNodes>((nodes, node) => nodes.DisturbDatabase(node, TimeSpan.FromMilliseconds(5), 0.01))),
        // One way only: what the node asks does not arrive; or it does, is carried out, and nobody hears the answer.
        new("database deaf", Through, BadWay, Do<RelayedNodes>((nodes, node) => nodes.Database(node).There.IsHeld = true)),
        new("database mute", Through, BadWay, Do<RelayedNodes>((nodes, node) => nodes.Database(node).Back.IsHeld = true)),
        new("database restarted", Slack, TimeSpan.Zero, async (nodes, _) =>
        {
            await ((RelayedNodes)nodes).Server.StopAtOnceAsync();
            await ((RelayedNodes)nodes).Server.StartAgainAsync();
        }),
        new("database away", TimeSpan.FromSeconds(8) + Slack, TimeSpan.FromSeconds(8), (nodes, _) => ((RelayedNodes)nodes).Server.StopAtOnceAsync()),
        new("late", Through, BadWay, Do<RelayedNodes>((nodes, node) => nodes.Disturb(node, TimeSpan.FromMilliseconds(150), 0))),
        new("lost", Through, BadWay, Do<RelayedNodes>((nodes, node) => nodes.Disturb(node, TimeSpan.FromMilliseconds(5), 0.01))),
    ];

    /// <summary>Those of nodes under a supervisor over SQLite.</summary>
    public static IReadOnlyList<Fault> OnSqlite { get; } =
    [
        .. OfNodes,
        new("full disk", Crash, TimeSpan.FromSeconds(12), Do<SupervisedNodes>((nodes, _) => nodes.Small!.Fill())) { FillsDisk = true },
        // Has begun when the supervisor has killed it: until then nobody can write to the catalog.
        new("freeze while it writes", Crash, Crash, (nodes, node) => ((SupervisedNodes)nodes).FreezeWritingAsync(node)),
    ];

    /// <summary>Those that are faults on this host.</summary>
    /// <exception cref="InvalidOperationException">In the full dose none may be missing.</exception>
    public static IReadOnlyList<Fault> Possible(IReadOnlyList<Fault> known, bool canFillDisk, bool fullDose)
    {
        if (canFillDisk)
        {
            return known;
        }
        return fullDose ? throw new InvalidOperationException("the full dose needs the right to mount a small disk, for the faults that fill it")
            : [.. known.Where(fault => !fault.FillsDisk)];
    }

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
