namespace Orleans.DOS.Node.Tests.Chaos.Histories;

/// <summary>
/// Whether what clients saw of a file that is replaced as a whole is linearizable. Values are unique, so that this is decided by their
/// zones (P. B. Gibbons, E. Korach: Testing Shared Memories, SIAM J. Computing 26(4), 1997): the zone of a value reaches from the first
/// end to the last start of its operations. If it runs forward, the file held the value all the time in between, so no two such zones
/// overlap; if backward, the value needs one instant of it, so it does not lie within a forward zone.
/// </summary>
public static class RegisterChecker
{
    /// <summary>What stands for the file that is not there yet.</summary>
    private const string Nothing = "";

    /// <returns>What cannot be explained; empty if all can.</returns>
    public static IReadOnlyList<string> Check(IReadOnlyCollection<Operation> operations)
    {
        var puts = operations.Where(operation => operation.Kind == OperationKind.Put).ToDictionary(operation => operation.Value!);
        var gets = operations.Where(operation => operation is { Kind: OperationKind.Get, Outcome: Outcome.Done }).ToLookup(operation => operation.Value ?? Nothing);
        List<string> wrong = [];
        List<Zone> zones = [];
        foreach (var read in gets)
        {
            if (read.Key == Nothing)
            {
                zones.Add(new Zone(Nothing, long.MinValue, read.Max(get => get.Start)));
            }
            else if (!puts.TryGetValue(read.Key, out var put))
            {
                wrong.Add($"invented: {read.Key} in {read.First()}");
            }
            else if (put.Outcome == Outcome.Refused)
            {
                wrong.Add($"refused, and there: {put} in {read.First()}");
            }
            else if (read.FirstOrDefault(get => get.End < put.Start) is { } early)
            {
                wrong.Add($"read before it was put: {put} in {early}");
            }
        }
        foreach (var put in puts.Values.Where(put => put.Outcome == Outcome.Done || gets.Contains(put.Value!)))
        {
            var operationsOf = gets[put.Value!].Append(put).ToList();
            zones.Add(new Zone(put.Value!, operationsOf.Min(operation => operation.Latest), operationsOf.Max(operation => operation.Start)));
        }
        wrong.AddRange(Clashes(zones));
        return wrong;
    }

    private static IEnumerable<string> Clashes(List<Zone> zones)
    {
        var forward = zones.Where(zone => zone.IsForward).OrderBy(zone => zone.Low).ToList();
        foreach (var (one, next) in forward.Zip(forward.Skip(1)))
        {
            if (next.Low < one.High)
            {
                yield return $"stale: {one} and {next}, each of which was there before and after the other";
            }
        }
        foreach (var zone in zones.Where(zone => !zone.IsForward))
        {
            if (forward.FirstOrDefault(other => other.Low < zone.Low && zone.High < other.High) is { } around)
            {
                yield return $"stale: {around} was there before and after {zone}";
            }
        }
    }

    private sealed record Zone(string Value, long FirstEnd, long LastStart)
    {
        public bool IsForward => FirstEnd < LastStart;
        public long Low => Math.Min(FirstEnd, LastStart);
        public long High => Math.Max(FirstEnd, LastStart);

        public override string ToString() => $"'{Value}' [{Low}, {High}]";
    }
}
