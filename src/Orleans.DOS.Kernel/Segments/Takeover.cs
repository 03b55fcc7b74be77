namespace Orleans.DOS.Segments;

/// <summary>What one replica said when asked to seal in a takeover.</summary>
/// <param name="Verdict">Null: it did not answer.</param>
/// <param name="Rotten">A frame of it is bad: its length tells how much there was, and it is no source.</param>
public readonly record struct SealAnswer(ReplicaVerdict? Verdict, long Length, bool Damaged, bool Rotten = false);

public enum TakeoverOutcome
{
    Sealed = 1,
    /// <summary>What was acknowledged cannot be known now. Never "empty".</summary>
    Unavailable = 2,
    /// <summary>A newer owner exists.</summary>
    Stale = 3,
}

/// <param name="Length">Bytes of the sealed segment.</param>
/// <param name="Source">Index of a replica that has all of them; -1 when the segment never held a frame.</param>
/// <param name="CopyTo">Replicas that answered and lack some.</param>
/// <param name="Lost">Replicas that must not be counted on.</param>
public sealed record TakeoverDecision(TakeoverOutcome Outcome, long Length, int Source, IReadOnlyList<int> CopyTo, IReadOnlyList<int> Lost);

/// <summary>
/// What a new owner makes of a segment that was left open. Safe because an acknowledged frame had been received by all replicas: any
/// one that is undamaged has it, and so has the longest of them. Without an undamaged one, some replica still has it as long as all
/// of them are heard, since each dropped at most its own tail.
/// </summary>
public static class Takeover
{
    public static TakeoverDecision Decide(IReadOnlyList<SealAnswer> answers)
    {
        if (answers.Any(answer => answer.Verdict == ReplicaVerdict.RefusedEpoch))
        {
            return Without(TakeoverOutcome.Stale);
        }
        var source = -1;
        var undamaged = false;
        var heard = 0;
        for (var i = 0; i < answers.Count; i++)
        {
            heard += IsHeard(answers[i]) ? 1 : 0;
            if (answers[i].Verdict != ReplicaVerdict.Done || answers[i].Rotten || IsEmptyHanded(answers[i]))
            {
                continue;
            }
            undamaged |= !answers[i].Damaged;
            if (source < 0 || answers[i].Length > answers[source].Length)
            {
                source = i;
            }
        }
        if (!undamaged && heard < answers.Count)
        {
            return Without(TakeoverOutcome.Unavailable);
        }
        if (!undamaged && answers.Any(answer => answer.Rotten && (source < 0 || answer.Length > answers[source].Length)))
        {
            // Behind its bad frame lies what may have been acknowledged, and no other has it.
            return Without(TakeoverOutcome.Unavailable);
        }
        if (source < 0)
        {
            // Every replica's own disk says that the file was never made, or never held a frame that lasted: the owner died between its
            // commit and its first frame. A wiped disk says nothing of the kind.
            return answers.All(answer => answer.Verdict == ReplicaVerdict.NoSuchSegment || IsEmptyHanded(answer))
                ? new(TakeoverOutcome.Sealed, 0, -1, [], [.. Enumerable.Range(0, answers.Count)])
                : Without(TakeoverOutcome.Unavailable);
        }
        return Sealed(answers, source);
    }

    private static TakeoverDecision Sealed(IReadOnlyList<SealAnswer> answers, int source)
    {
        var length = answers[source].Length;
        var copyTo = new List<int>();
        var lost = new List<int>();
        for (var i = 0; i < answers.Count; i++)
        {
            if (answers[i].Verdict != ReplicaVerdict.Done || answers[i].Rotten)
            {
                lost.Add(i);
            }
            else if (answers[i].Length < length)
            {
                copyTo.Add(i);
            }
        }
        return new(TakeoverOutcome.Sealed, length, source, copyTo, lost);
    }

    /// <summary>A wiped disk and a missing file are answers: they say that nothing can come from there.</summary>
    private static bool IsHeard(SealAnswer answer) =>
        answer.Verdict is ReplicaVerdict.Done or ReplicaVerdict.NoSuchSegment or ReplicaVerdict.WrongDisk;

    /// <summary>
    /// Damaged and without a byte: as good as missing. So answers a replica that lacked the segment when an earlier takeover asked and
    /// was barred then; what was Unavailable must not become "empty" by asking twice.
    /// </summary>
    private static bool IsEmptyHanded(SealAnswer answer) => answer is { Verdict: ReplicaVerdict.Done, Damaged: true, Length: 0 };

    private static TakeoverDecision Without(TakeoverOutcome outcome) => new(outcome, 0, -1, [], []);
}
