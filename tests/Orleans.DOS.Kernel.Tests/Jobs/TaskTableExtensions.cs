using System.Diagnostics.CodeAnalysis;

namespace Orleans.DOS.Jobs;

/// <summary>One task at a time, in a time that stands still, for tests that are about something else.</summary>
internal static class TaskTableExtensions
{
    public static bool TryAssign(this TaskTable table, NodeId node, [NotNullWhen(true)] out TaskAssignment? assignment)
    {
        var taken = table.Take(node, 1, DateTimeOffset.UnixEpoch);
        assignment = taken.Count == 0 ? null : taken[0];
        return taken.Count > 0;
    }

    public static bool Succeed(this TaskTable table, int task, int attempt, IReadOnlyList<IReadOnlyList<NodeId>> copies) =>
        table.Succeed(task, attempt, copies, DateTimeOffset.UnixEpoch);
}
