using Xunit;

namespace Orleans.DOS.Node.Tests.Chaos.Histories;

/// <summary>The checkers see what must not be, and nothing else.</summary>
public sealed class CheckerTests
{
    [Fact]
    public void Log_ThatWasWrittenAndReadInTurn_IsExplained() => Assert.Empty(LogChecker.Check(
        [Append("a", 1, 2), Read(3, 4, "a"), Append("b", 5, 6), Read(7, 8, "a", "b")]));

    [Fact]
    public void Log_OfCallsAtOnce_MayHaveAnyOrder_AndWhatIsUnknownMayBeThereLateOrNever()
    {
        Assert.Empty(LogChecker.Check([Append("a", 1, 9), Append("b", 2, 8), Read(3, 4, "b"), Read(5, 10, "b", "a")]));
        Assert.Empty(LogChecker.Check([Append("a", 1, 2, Outcome.Unknown), Append("b", 3, 4), Read(5, 6, "b"), Read(7, 8, "b", "a")]));
        Assert.Empty(LogChecker.Check([Append("a", 1, 2, Outcome.Unknown), Append("b", 3, 4, Outcome.Refused), Read(5, 6)]));
    }

    public static TheoryData<string, Operation[]> WrongLogs => new()
    {
        { "lost", [Append("a", 1, 2), Read(3, 4)] },
        { "lost", [Append("a", 1, 2), Append("b", 3, 4), Read(5, 6, "a")] },
        { "lost", [Append("a", 1, 2), Append("b", 1, 9), Read(3, 4, "b")] },
        { "changed", [Append("a", 1, 2), Append("b", 1, 2), Read(3, 4, "a", "b"), Read(5, 6, "b", "a")] },
        { "invented", [Append("a", 1, 2), Read(3, 4, "a", "x")] },
        { "twice", [Append("a", 1, 2), Read(3, 4, "a", "a")] },
        { "refused", [Append("a", 1, 2, Outcome.Refused), Read(3, 4, "a")] },
        { "before it was appended", [Read(1, 2, "a"), Append("a", 3, 4)] },
        { "out of order", [Append("a", 1, 2), Append("b", 3, 4), Read(5, 6, "b", "a")] },
        { "went back", [Append("a", 1, 9), Read(2, 3, "a"), Read(4, 5)] },
    };

    [Theory]
    [MemberData(nameof(WrongLogs))]
    public void Log_ThatCannotBe_IsTold(string what, Operation[] history) => Assert.Contains(LogChecker.Check(history), wrong => wrong.Contains(what, StringComparison.Ordinal));

    [Fact]
    public void Register_OfPutsInTurnAndAtOnce_IsExplained()
    {
        Assert.Empty(RegisterChecker.Check([Get(null, 0, 1), Put("a", 2, 3), Get("a", 4, 5), Put("b", 6, 7), Get("b", 8, 9)]));
        Assert.Empty(RegisterChecker.Check([Put("a", 1, 9), Put("b", 2, 8), Get("a", 3, 4), Get("b", 5, 6)]));
        Assert.Empty(RegisterChecker.Check([Put("a", 1, 2), Put("b", 3, 4, Outcome.Unknown), Get("a", 5, 6), Get("b", 7, 8)]));
        Assert.Empty(RegisterChecker.Check([Put("a", 1, 2), Put("b", 3, 4, Outcome.Unknown), Put("c", 5, 6, Outcome.Refused), Get("a", 7, 8)]));
    }

    public static TheoryData<string, Operation[]> WrongRegisters => new()
    {
        { "stale", [Put("a", 1, 2), Put("b", 3, 4), Get("a", 5, 6)] },
        { "stale", [Put("a", 1, 2), Get(null, 3, 4)] },
        { "stale", [Put("a", 1, 2), Put("b", 3, 4), Get("b", 5, 6), Get("a", 7, 8)] },
        { "stale", [Put("a", 1, 9), Put("b", 2, 8), Get("a", 3, 4), Get("b", 5, 6), Get("a", 7, 10)] },
        { "stale", [Put("a", 1, 2), Put("b", 3, 4, Outcome.Unknown), Get("b", 5, 6), Get("a", 7, 8)] },
        { "invented", [Get("x", 1, 2)] },
        { "refused", [Put("a", 1, 2, Outcome.Refused), Get("a", 3, 4)] },
        { "before it was put", [Get("a", 1, 2), Put("a", 3, 4)] },
    };

    [Theory]
    [MemberData(nameof(WrongRegisters))]
    public void Register_ThatCannotBe_IsTold(string what, Operation[] history) => Assert.Contains(RegisterChecker.Check(history), wrong => wrong.Contains(what, StringComparison.Ordinal));

    [Fact]
    public void File_ThatIsRenamedInTurnAndAtOnce_IsExplained()
    {
        Assert.Empty(MoveChecker.Check([Look(0, 1, "f.first"), Rename("f.first", "f.1", 2, 3), Look(4, 5, "f.1"), Rename("f.1", "f.2", 6, 7), Look(8, 9, "f.2")]));
        // One of two wins; between the listings of two directories it moves.
        Assert.Empty(MoveChecker.Check([Rename("f.first", "f.1", 1, 9), Rename("f.first", "f.2", 1, 9, Outcome.Declined), Look(2, 5, "f.first", "f.1"), Look(2, 5), Look(10, 11, "f.1")]));
        Assert.Empty(MoveChecker.Check([Rename("f.first", "f.1", 1, 2, Outcome.Unknown), Look(3, 4, "f.first"), Look(5, 6, "f.1"), Rename("f.1", "f.2", 7, 8), Look(9, 10, "f.2")]));
    }

    public static TheoryData<string, Operation[]> WrongMoves => new()
    {
        { "lost", [Rename("f.first", "f.1", 1, 2), Look(3, 4), Look(5, 6, "f.1")] },
        { "lost", [Rename("f.first", "f.1", 1, 2, Outcome.Unknown), Look(3, 4)] },
        { "in two places", [Rename("f.first", "f.1", 1, 2), Look(3, 4, "f.first", "f.1")] },
        { "in two places", [Rename("f.first", "f.1", 1, 9), Rename("f.first", "f.2", 1, 9)] },
        { "stale", [Rename("f.first", "f.1", 1, 2), Look(3, 4, "f.first")] },
        { "invented", [Look(1, 2, "f.x")] },
        { "invented", [Rename("f.x", "f.1", 1, 2)] },
        { "refused", [Rename("f.first", "f.1", 1, 2, Outcome.Refused), Look(3, 4, "f.1")] },
        { "refused", [Rename("f.first", "f.1", 1, 2, Outcome.Refused), Rename("f.1", "f.2", 3, 4)] },
        { "refused", [Rename("f.first", "f.1", 1, 2, Outcome.Unknown), Rename("f.first", "f.2", 1, 2, Outcome.Declined), Look(3, 4, "f.2")] },
        { "declined", [Rename("f.first", "f.1", 1, 2, Outcome.Declined), Rename("f.first", "f.2", 3, 4)] },
        { "before it was made", [Look(1, 2, "f.1"), Rename("f.first", "f.1", 3, 4)] },
    };

    [Theory]
    [MemberData(nameof(WrongMoves))]
    public void File_RenamedAsCannotBe_IsTold(string what, Operation[] history) => Assert.Contains(MoveChecker.Check(history), wrong => wrong.Contains(what, StringComparison.Ordinal));

    [Fact]
    public void Minority_ThatRefusesAndKeepsSilent_IsWell() => Assert.Empty(MinorityChecker.Check(
        [Put("a", 1, 4), Get("a", 9, 11), Put("b", 12, 13, Outcome.Refused), Put("c", 14, 19, Outcome.Unknown), Put("d", 15, 21)], from: 10, until: 20));

    public static TheoryData<string, Operation[]> WrongMinorities => new()
    {
        { "answered", [Put("a", 11, 12, Outcome.Refused), Put("b", 13, 14)] },
        { "answered", [Put("a", 11, 12, Outcome.Refused), Get("b", 13, 14)] },
        { "answered", [Put("a", 11, 12, Outcome.Refused), Rename("f.first", "f.1", 13, 14, Outcome.Declined)] },
        { "answered", [Append("a", 11, 12, Outcome.Refused), Read(13, 14)] },
        { "never refused", [Put("a", 11, 12, Outcome.Unknown), Put("b", 1, 2, Outcome.Refused), Put("c", 15, 21, Outcome.Refused)] },
    };

    [Theory]
    [MemberData(nameof(WrongMinorities))]
    public void Minority_ThatAnswers_OrTellsNobody_IsTold(string what, Operation[] history) =>
        Assert.Contains(MinorityChecker.Check(history, from: 10, until: 20), wrong => wrong.Contains(what, StringComparison.Ordinal));

    /// <summary>Histories of a file that does what it should, with calls of random length, are never called wrong.</summary>
    [Fact]
    public void RandomHistories_OfARealRegisterAndLog_AreExplained()
    {
        for (var seed = 0; seed < 300; seed++)
        {
            var random = new Random(seed);
            var (log, register, next) = (new List<string>(), default(string), 0);
            List<Operation> history = [];
            for (long at = 100; at < 1000; at += random.Next(1, 4))
            {
                // It takes effect now: it began before and ends later.
                var (start, end, value) = (at - random.Next(1, 60), at + random.Next(1, 60), $"{next++}");
                var outcome = random.Next(10) == 0 ? Outcome.Unknown : Outcome.Done;
                switch (random.Next(4))
                {
                    case 0: log.Add(value); history.Add(Append(value, start, end, outcome)); break;
                    case 1: history.Add(Read(start, end, [.. log])); break;
                    case 2: register = value; history.Add(Put(value, start, end, outcome)); break;
                    default: history.Add(Get(register, start, end)); break;
                }
            }
            Assert.Empty(LogChecker.Check(history));
            Assert.Empty(RegisterChecker.Check(history));
        }
    }

    private static Operation Append(string value, long start, long end, Outcome outcome = Outcome.Done) => new(OperationKind.Append, "f", value, start, end, outcome);
    private static Operation Read(long start, long end, params string[] seen) => new(OperationKind.ReadLog, "f", null, start, end, Outcome.Done, seen);
    private static Operation Put(string value, long start, long end, Outcome outcome = Outcome.Done) => new(OperationKind.Put, "f", value, start, end, outcome);
    private static Operation Get(string? value, long start, long end) => new(OperationKind.Get, "f", value, start, end, Outcome.Done);
    private static Operation Rename(string from, string to, long start, long end, Outcome outcome = Outcome.Done) => new(OperationKind.Rename, "f", to, start, end, outcome, [from]);
    private static Operation Look(long start, long end, params string[] names) => new(OperationKind.Look, "f", null, start, end, Outcome.Done, names);
}
