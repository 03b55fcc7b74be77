using Orleans.DOS.Nodes;

namespace Orleans.DOS.Processes;

/// <summary>Where a process starts: on a node that is Ready, has the labels and room, the one with most free CPU; close calls are drawn.</summary>
public static class ProcessPlacement
{
    /// <summary>
    /// CPU that a process is expected to use, in milli-cores. Reports are a second old: without it every spawn of that second would
    /// choose the same node.
    /// </summary>
    public const int ExpectedMillicores = 100;

    /// <summary>Behind the newest report of all, by the clock of the node table.</summary>
    public static readonly TimeSpan ReportAgeMax = TimeSpan.FromSeconds(2.5);

    /// <summary>Nodes whose free CPU differs by no more than this are alike.</summary>
    public const int AlikeMillicores = 100;

    /// <param name="draw">A random number in [0, 1).</param>
    /// <param name="excluded">Nodes that have just refused.</param>
    /// <returns>The node, or why there is none.</returns>
    public static (NodeId? Node, string? Reason) Choose(
        IEnumerable<NodeStatus> reports, IReadOnlyDictionary<string, string> labels, IReadOnlySet<NodeId> excluded, double draw)
    {
        var ready = Fresh([.. reports.Where(report => report.State == NodeState.Ready)]);
        if (ready.Count == 0)
        {
            return (null, "no node is ready");
        }
        var labelled = ready.Where(report => labels.All(label => report.Labels.TryGetValue(label.Key, out var value) && value == label.Value)).ToList();
        if (labelled.Count == 0)
        {
            return (null, "no ready node has the labels " + string.Join(", ", labels.Select(label => $"{label.Key}={label.Value}").Order(StringComparer.Ordinal)));
        }
        var roomy = labelled.Where(report => report.Processes < Limits.ProcessesPerNodeMax && !excluded.Contains(report.Id)).ToList();
        if (roomy.Count == 0)
        {
            return (null, "no node has room");
        }
        var most = roomy.Max(FreeMillicores);
        var alike = roomy.Where(report => most - FreeMillicores(report) <= AlikeMillicores).OrderBy(report => report.Id.Value, StringComparer.Ordinal).ToList();
        return (alike[Math.Min((int)(draw * alike.Count), alike.Count - 1)].Id, null);
    }

    /// <summary>Nodes report each second. One that has missed two while others have not may be frozen, and would look freer than all that take what it does not.</summary>
    private static List<NodeStatus> Fresh(List<NodeStatus> reports) =>
        [.. reports.Where(report => reports.Max(other => other.Reported) - report.Reported <= ReportAgeMax)];

    /// <summary>What is left after measured use or, where that is more, what the programs and tasks there are expected to use.</summary>
    public static int FreeMillicores(NodeStatus report) =>
        report.CpuMillicores - Math.Max(report.CpuUsedMillicores, (report.Processes * ExpectedMillicores) + (report.Tasks * 1000));
}
