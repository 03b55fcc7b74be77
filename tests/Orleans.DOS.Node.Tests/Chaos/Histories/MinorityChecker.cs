namespace Orleans.DOS.Node.Tests.Chaos.Histories;

/// <summary>
/// Whether a node that reached neither the others nor the catalog kept silent: once its lease had run out, it can be sure of nothing that
/// it remembers, so it carries out no change and answers no read, and it says so. What it remembered may have been right: that nobody
/// was unlucky shows nothing, so any answer is wrong.
/// </summary>
public static class MinorityChecker
{
    /// <param name="operations">Of clients that know only that node's door.</param>
    /// <param name="from">Its lease has run out.</param>
    /// <param name="until">It may hear of the others again; what is answered later may have been carried out then.</param>
    /// <returns>What must not be; empty if all is well.</returns>
    public static IReadOnlyList<string> Check(IEnumerable<Operation> operations, long from, long until)
    {
        var within = operations.Where(operation => operation.Start >= from && operation.End < until).ToList();
        List<string> wrong = [.. within.Where(operation => operation.Outcome is Outcome.Done or Outcome.Declined).Select(operation => $"answered by the minority: {operation}")];
        if (!within.Exists(operation => operation.Outcome == Outcome.Refused))
        {
            wrong.Add($"never refused: {within.Count} calls to the minority, and none was told that it is unavailable");
        }
        return wrong;
    }
}
