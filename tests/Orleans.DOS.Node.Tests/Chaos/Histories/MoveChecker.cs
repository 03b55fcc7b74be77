namespace Orleans.DOS.Node.Tests.Chaos.Histories;

/// <summary>
/// Whether what clients saw of a file that is renamed again and again, each time to a name that was never used, can be explained by renames
/// that each took effect at one instant: from then on it is under the new name and under no other. Its first name ends with
/// <see cref="FirstName"/>.
/// </summary>
public static class MoveChecker
{
    public const string FirstName = ".first";

    /// <summary>Of a rename, <see cref="Operation.Value"/> is the new name and <see cref="Operation.Seen"/> the old one; of a look, Seen is all names of the file.</summary>
    /// <returns>What cannot be explained; empty if all can.</returns>
    public static IReadOnlyList<string> Check(IReadOnlyCollection<Operation> operations)
    {
        var renames = operations.Where(operation => operation.Kind == OperationKind.Rename).ToList();
        var looks = operations.Where(operation => operation is { Kind: OperationKind.Look, Outcome: Outcome.Done }).ToList();
        var makers = renames.ToDictionary(rename => rename.Value!);
        var takers = renames.Where(rename => rename.Outcome == Outcome.Done).ToLookup(rename => rename.Seen![0]);
        List<string> wrong = [.. takers.Where(name => name.Count() > 1).Select(name => $"in two places: {string.Join(" and ", name)} took {name.Key}")];
        foreach (var rename in renames.Where(rename => rename.Outcome == Outcome.Done))
        {
            wrong.AddRange(Unmade(rename, rename.Seen![0], makers));
        }
        wrong.AddRange(renames.Where(rename => rename.Outcome == Outcome.Declined && !renames.Exists(other =>
            MayHaveMoved(other) && other.Seen![0] == rename.Seen![0] && other.Start < rename.End)).Select(rename => $"declined, and nobody had taken it: {rename}"));
        foreach (var look in looks)
        {
            wrong.AddRange(look.Seen!.SelectMany(name => Unmade(look, name, makers)));
            wrong.AddRange(look.Seen!.SelectMany(name => takers[name].Where(taker => taker.End < look.Start).Select(taker => $"stale: {name}, taken by {taker}, in {look}")));
            // Two directories are not listed in one instant: what moves meanwhile may be seen twice, or not at all.
            if (look.Seen!.Count != 1 && !renames.Exists(rename => MayHaveMoved(rename) && rename.Start < look.End && look.Start < rename.Latest))
            {
                wrong.Add($"{(look.Seen.Count == 0 ? "lost" : "in two places")}: {string.Join(", ", look.Seen)} in {look}");
            }
        }
        // The last look is made when nothing is under way any more, whatever became of renames whose outcome nobody knows.
        if (looks.MaxBy(look => look.Start) is { Seen.Count: 0 } last)
        {
            wrong.Add($"lost: nowhere in the end, {last}");
        }
        return wrong;
    }

    private static bool MayHaveMoved(Operation rename) => rename.Outcome is Outcome.Done or Outcome.Unknown;

    private static IEnumerable<string> Unmade(Operation user, string name, Dictionary<string, Operation> makers)
    {
        if (!makers.TryGetValue(name, out var maker))
        {
            if (!name.EndsWith(FirstName, StringComparison.Ordinal))
            {
                yield return $"invented: {name} in {user}";
            }
        }
        else if (!MayHaveMoved(maker))
        {
            yield return $"refused, and there: {maker} in {user}";
        }
        else if (maker.Start > user.End)
        {
            yield return $"there before it was made: {maker} in {user}";
        }
    }
}
