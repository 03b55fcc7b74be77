namespace Orleans.DOS.Node.Tests.Chaos.Histories;

/// <summary>
/// Whether what clients saw of an append-only log can be explained by appends and reads that each took effect at one instant between
/// their start and their end. Records are unique, so that a log's order is known from its reads, and the rules below are all that
/// linearizability asks of it.
/// </summary>
public static class LogChecker
{
    /// <returns>What cannot be explained; empty if all can.</returns>
    public static IReadOnlyList<string> Check(IReadOnlyCollection<Operation> operations)
    {
        var appends = operations.Where(operation => operation.Kind == OperationKind.Append).ToDictionary(operation => operation.Value!);
        var reads = operations.Where(operation => operation is { Kind: OperationKind.ReadLog, Outcome: Outcome.Done }).ToList();
        List<string> wrong = [.. reads.SelectMany(read => Contents(read, appends)), .. Prefixes(reads)];
        if (wrong.Count > 0)
        {
            return wrong; // there is no one order to hold the rest against
        }
        var places = (reads.MaxBy(read => read.Seen!.Count)?.Seen ?? []).Select((record, place) => (record, place)).ToDictionary(at => at.record, at => at.place);
        return [.. Order(appends, places), .. Lost(appends, reads, places), .. Backwards(reads)];
    }

    private static IEnumerable<string> Contents(Operation read, Dictionary<string, Operation> appends)
    {
        var seen = new HashSet<string>();
        foreach (var record in read.Seen!)
        {
            if (!appends.TryGetValue(record, out var append))
            {
                yield return $"invented: {record} in {read}";
            }
            else if (append.Outcome == Outcome.Refused)
            {
                yield return $"refused, and there: {append} in {read}";
            }
            else if (append.Start > read.End)
            {
                yield return $"read before it was appended: {append} in {read}";
            }
            if (!seen.Add(record))
            {
                yield return $"twice: {record} in {read}";
            }
        }
    }

    private static IEnumerable<string> Prefixes(List<Operation> reads) =>
        reads.OrderBy(read => read.Seen!.Count).Zip(reads.OrderBy(read => read.Seen!.Count).Skip(1))
            .Where(pair => !pair.First.Seen!.SequenceEqual(pair.Second.Seen!.Take(pair.First.Seen!.Count)))
            .Select(pair => $"changed: {pair.First} is no beginning of {pair.Second}");

    /// <summary>Of two appends of which one began after the other had ended, the first stands first.</summary>
    private static IEnumerable<string> Order(Dictionary<string, Operation> appends, Dictionary<string, int> places)
    {
        Operation? earliest = null; // of those behind
        foreach (var (record, _) in places.OrderByDescending(at => at.Value))
        {
            var append = appends[record];
            if (earliest is not null && earliest.Latest < append.Start)
            {
                yield return $"out of order: {append} stands before {earliest}";
            }
            earliest = earliest is null || append.Latest < earliest.Latest ? append : earliest;
        }
    }

    /// <summary>What was acknowledged before a read began is in it.</summary>
    private static IEnumerable<string> Lost(Dictionary<string, Operation> appends, List<Operation> reads, Dictionary<string, int> places)
    {
        var pending = new Queue<Operation>(appends.Values.Where(append => append.Outcome == Outcome.Done).OrderBy(append => append.End));
        var (needed, least) = (default(Operation), 0);
        foreach (var read in reads.OrderBy(read => read.Start))
        {
            while (pending.TryPeek(out var append) && append.End < read.Start)
            {
                pending.Dequeue();
                var records = places.TryGetValue(append.Value!, out var place) ? place + 1 : int.MaxValue;
                (needed, least) = records > least ? (append, records) : (needed, least);
            }
            if (read.Seen!.Count < least)
            {
                yield return $"lost: {needed} is not in {read}";
            }
        }
    }

    /// <summary>A read that began after another had ended sees no less.</summary>
    private static IEnumerable<string> Backwards(List<Operation> reads)
    {
        var ended = new Queue<Operation>(reads.OrderBy(read => read.End));
        Operation? most = null;
        foreach (var read in reads.OrderBy(read => read.Start))
        {
            while (ended.TryPeek(out var before) && before.End < read.Start)
            {
                ended.Dequeue();
                most = most is null || before.Seen!.Count > most.Seen!.Count ? before : most;
            }
            if (most is not null && read.Seen!.Count < most.Seen!.Count)
            {
                yield return $"went back: {read} after {most}";
            }
        }
    }
}
