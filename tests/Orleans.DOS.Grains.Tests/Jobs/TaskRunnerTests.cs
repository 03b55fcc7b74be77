using System.Buffers;
using System.Text;
using Orleans.DOS.Security;
using Xunit;

namespace Orleans.DOS.Jobs;

public sealed class TaskRunnerTests : IJobProgramSource
{
    private const string Letters = "ab \n";
    private static readonly TaskMemory Small = new(256 * 1024, 64 * 1024, 4, 64 * 1024);
    private readonly MemoryMachine _machine = new() { ReadBytesMax = 1000 };

    public IJobProgram Find(string name) => name switch
    {
        "wordcount" => new WordCountJob(),
        "sort" => new SortJob(),
        "grep" => new GrepJob(),
        "lines" => new LinesJob(),
        _ => throw new DosException(DosErrorCode.UnknownProgram, $"no program {name}"),
    };

    [Theory]
    [InlineData("")]
    [InlineData("\n")]
    [InlineData("one")]
    [InlineData("one\n")]
    [InlineData("\n\n\nx")]
    [InlineData("one\r\ntwo\r\n\r\n")]
    [InlineData("a\nlonger than any of the ranges that it is cut into, by far\nb\n")]
    public async Task Map_OfRangesThatCoverAFile_SeesEachRecordOnce(string text)
    {
        for (var width = 1; width <= text.Length + 1; width++)
        {
            await AssertEachRecordOnceAsync(Encoding.UTF8.GetBytes(text), width);
        }
    }

    [Fact]
    public async Task Map_OfRandomTextAndRandomRanges_SeesEachRecordOnce()
    {
        for (var seed = 0; seed < 200; seed++)
        {
            var random = new Random(seed);
            var text = new byte[random.Next(0, 4000)];
            var letters = random.Next(2) == 0 ? Letters : Letters + new string('c', 100);
            for (var i = 0; i < text.Length; i++)
            {
                text[i] = (byte)letters[random.Next(letters.Length)];
            }
            await AssertEachRecordOnceAsync(text, random.Next(1, 1500));
        }
    }

    /// <summary>A range is read from the byte before it, and yet in whole frames as the file was written, and none behind that of its end.</summary>
    [Fact]
    public async Task Map_ReadsItsRange_InTheFramesOfTheFile()
    {
        const int frame = Limits.FramePayloadBytesMax;
        var machine = new MemoryMachine { ReadBytesMax = Limits.ReadBytesMax };
        var text = new byte[12 * frame];
        Array.Fill(text, (byte)'\n');
        machine["/in"] = text;
        var report = await new TaskRunner(this, Path.GetTempPath()).RunAsync(
            Start(TaskKind.Map, "wordcount", [new TaskInput("/in", frame, (5 * frame) + 7) { FileSize = text.Length }], "/out"), machine, CancellationToken.None);
        Assert.Null(report.Error);
        Assert.Equal([(frame - 1, (3 * frame) + 1), (4 * frame, 3 * frame)], machine.Asked);
    }

    [Theory]
    [InlineData("wordcount", 1)]
    [InlineData("wordcount", 3)]
    [InlineData("sort", 1)]
    [InlineData("sort", 3)]
    [InlineData("lines", 3)]
    [InlineData("grep", 1)]
    public async Task Job_WithTablesThatSpillAndManyMapOutputs_GivesTheReferencesBytes(string program, int partitions)
    {
        var text = RandomWords(2_000_000, new Random(7));
        var parameters = new Dictionary<string, string> { ["pattern"] = "ab" };
        var result = await RunJobAsync(program, text, 300_000, partitions, parameters);

        var twin = Find(program);
        twin.Configure(parameters);
        var expected = JobReference.Run(twin, [new MemoryStream(text)], partitions, TestContext.Current.CancellationToken);
        Assert.True(expected.Length > 100);
        Assert.Equal(Digest(expected), Digest(result));
    }

    [Fact]
    public async Task Map_WhoseTableIsFull_SpillsRunsAndLosesNothing()
    {
        var text = RandomWords(3_000_000, new Random(1));
        var runs = 0;
        _machine["/in"] = text;
        var collector = new MapCollector(new SortJob(), Start(TaskKind.Map, "sort", [], "/x"), Small, ScratchDirectory);
        foreach (var line in Encoding.UTF8.GetString(text).Split('\n'))
        {
            collector.Add(Encoding.UTF8.GetBytes(line), 1);
        }
        runs = collector.Runs;
        collector.Dispose();
        Assert.True(runs > 4, $"only {runs} runs");
        Assert.Empty(Directory.GetFiles(ScratchDirectory));
        Assert.NotEmpty(await RunJobAsync("sort", text, text.Length, 1, []));
    }

    [Fact]
    public async Task Job_WithOneKeyWhoseValuesExceedTheBound_FailsWithASentence()
    {
        _machine["/in"] = Encoding.UTF8.GetBytes(string.Concat(Enumerable.Repeat("same line\n", 9000)));
        var map = await RunAsync(Start(TaskKind.Map, "lines", [new TaskInput("/in", 0, _machine["/in"].Length)], "/map"));
        Assert.Null(map.Error);
        var reduce = await RunAsync(Start(TaskKind.Reduce, "lines", [new TaskInput("/map", map.Partitions[0].Position, map.Partitions[0].Length)], "/out"));
        Assert.Contains("LimitExceeded", reduce.Error, StringComparison.Ordinal);
    }

    [Fact]
    public async Task Sort_OfManyEqualLines_FoldsThem()
    {
        var text = Encoding.UTF8.GetBytes(string.Concat(Enumerable.Repeat("same line\n", 200_000)));
        Assert.Equal(Digest(text), Digest(await RunJobAsync("sort", text, 100_000, 2, [])));
    }

    [Fact]
    public async Task Reduce_WhoseInputIsGone_NamesIt()
    {
        var report = await RunAsync(Start(TaskKind.Reduce, "wordcount", [new TaskInput("/gone", 0, 10)], "/out"));
        Assert.Equal("/gone", report.LostInput);
        Assert.Contains("NoSuchPath", report.Error, StringComparison.Ordinal);
    }

    [Fact]
    public async Task Reduce_WhoseInputIsCutOff_FailsInsteadOfCountingLess()
    {
        _machine["/in"] = "a b c d e"u8.ToArray();
        var map = await RunAsync(Start(TaskKind.Map, "wordcount", [new TaskInput("/in", 0, 9)], "/map"));
        _machine["/map"] = _machine["/map"][..^3];
        var report = await RunAsync(Start(TaskKind.Reduce, "wordcount", [new TaskInput("/map", 0, map.Partitions[0].Length)], "/out"));
        Assert.Contains("Damaged", report.Error, StringComparison.Ordinal);
        Assert.Equal("/map", report.LostInput);
    }

    [Fact]
    public async Task Map_OfUnknownProgramOrWithoutParameter_ReportsIt()
    {
        _machine["/in"] = "x"u8.ToArray();
        Assert.Contains("UnknownProgram", (await RunAsync(Start(TaskKind.Map, "nothing", [new TaskInput("/in", 0, 1)], "/o"))).Error, StringComparison.Ordinal);
        Assert.Contains("pattern", (await RunAsync(Start(TaskKind.Map, "grep", [new TaskInput("/in", 0, 1)], "/o"))).Error, StringComparison.Ordinal);
    }

    /// <summary>Another attempt may have read before the append: the job is about the file as it was planned.</summary>
    [Theory]
    [InlineData("one\ntwo", " and more\nthree\n")]
    [InlineData("one\ntwo\n", "three\n")]
    public async Task Map_OfAFileThatHasGrownSincePlanning_ReadsOnlyWhatWasPlanned(string planned, string appended)
    {
        _machine["/in"] = Encoding.ASCII.GetBytes(planned);
        _machine.Append("/in", Encoding.ASCII.GetBytes(appended));
        var input = new TaskInput("/in", 0, planned.Length) { FileSize = planned.Length, Inode = _machine.InodeOf("/in") };
        var report = await RunAsync(Start(TaskKind.Map, "lines-in-order", [input], "/out"), new InOrder());
        Assert.Null(report.Error);
        Assert.Equal("one\ntwo\n", Encoding.ASCII.GetString(_machine["/out"]));
    }

    [Fact]
    public async Task Map_OfAPathThatNamesAnotherFileSincePlanning_FailsWithASentence()
    {
        _machine["/in"] = "one\n"u8.ToArray();
        var input = new TaskInput("/in", 0, 4) { FileSize = 4, Inode = _machine.InodeOf("/in") };
        _machine["/in"] = "two\n"u8.ToArray();
        var report = await RunAsync(Start(TaskKind.Map, "lines-in-order", [input], "/out"), new InOrder());
        Assert.Contains("another file", report.Error, StringComparison.Ordinal);
    }

    [Fact]
    public async Task Map_OfAFileThatIsShorterThanPlanned_FailsInsteadOfCountingLess()
    {
        _machine["/in"] = "one\n"u8.ToArray();
        var input = new TaskInput("/in", 0, 8) { FileSize = 8, Inode = _machine.InodeOf("/in") };
        var report = await RunAsync(Start(TaskKind.Map, "lines-in-order", [input], "/out"), new InOrder());
        Assert.Contains("Conflict", report.Error, StringComparison.Ordinal);
    }

    [Theory]
    [InlineData(DosErrorCode.Unavailable)]
    [InlineData(DosErrorCode.OutcomeUnknown)]
    public async Task Map_WhoseClusterIsAway_ReportsTheCode(DosErrorCode code)
    {
        _machine["/in"] = "x"u8.ToArray();
        _machine.Away = code;
        Assert.Equal(code, (await RunAsync(Start(TaskKind.Map, "wordcount", [new TaskInput("/in", 0, 1)], "/o"))).ErrorCode);
    }

    [Fact]
    public async Task Map_Cancelled_ThrowsInsteadOfReporting()
    {
        _machine["/in"] = "x"u8.ToArray();
        using var cancelled = new CancellationTokenSource();
        await cancelled.CancelAsync();
        await Assert.ThrowsAnyAsync<OperationCanceledException>(() => new TaskRunner(this, ScratchDirectory, Small)
            .RunAsync(Start(TaskKind.Map, "wordcount", [new TaskInput("/in", 0, 1)], "/o"), _machine, cancelled.Token));
    }

    [Fact]
    public void WordCount_OfMixedBytes_CutsAtWhatIsNoLetterAndLowersAscii()
    {
        var result = JobReference.Run(new WordCountJob(), [new MemoryStream(Encoding.UTF8.GetBytes("Ab-aB 9x\r\näß AB"))], 1, TestContext.Current.CancellationToken);
        Assert.Equal("9x\t1\nab\t3\näß\t1\n", Encoding.UTF8.GetString(result));
    }

    private static string ScratchDirectory { get; } = Directory.CreateTempSubdirectory("dos-scratch").FullName;

    private async Task AssertEachRecordOnceAsync(byte[] text, int width)
    {
        _machine["/in"] = text;
        var seen = new List<byte>();
        for (var at = 0; at < text.Length; at += width)
        {
            var report = await RunAsync(Start(TaskKind.Map, "lines-in-order", [new TaskInput("/in", at, Math.Min(width, text.Length - at))], "/out"), new InOrder());
            Assert.Null(report.Error);
            seen.AddRange(_machine["/out"]);
        }
        var expected = text.Length == 0 || text[^1] == '\n' ? text : [.. text, (byte)'\n'];
        Assert.Equal(Encoding.UTF8.GetString(expected), Encoding.UTF8.GetString([.. seen]));
    }

    private async Task<byte[]> RunJobAsync(string program, byte[] text, int width, int partitions, Dictionary<string, string> parameters)
    {
        _machine["/in"] = text;
        byte[][] boundaries = [];
        if (program == "sort" && partitions > 1)
        {
            var sample = await RunAsync(Start(TaskKind.Sample, program, [new TaskInput("/in", 0, 50_000)], "/s"));
            var samples = sample.Samples.OrderBy(key => Encoding.Latin1.GetString(key), StringComparer.Ordinal).ToArray();
            boundaries = [.. Enumerable.Range(1, partitions - 1).Select(i => samples[samples.Length * i / partitions])];
        }
        var maps = new List<TaskReport>();
        for (var at = 0; at < text.Length; at += width)
        {
            var start = Start(TaskKind.Map, program, [new TaskInput("/in", at, Math.Min(width, text.Length - at))], $"/map-{maps.Count}");
            maps.Add(await RunAsync(start with { Partitions = partitions, Boundaries = boundaries, Parameters = parameters }));
            Assert.Null(maps[^1].Error);
        }
        if (Find(program).Partitioning == JobPartitioning.None)
        {
            return [.. maps.SelectMany(map => _machine[map.Output])];
        }
        var result = new List<byte>();
        for (var partition = 0; partition < partitions; partition++)
        {
            TaskInput[] inputs = [.. maps.Select(map => new TaskInput(map.Output, map.Partitions[partition].Position, map.Partitions[partition].Length))];
            var report = await RunAsync(Start(TaskKind.Reduce, program, inputs, "/out"));
            Assert.Null(report.Error);
            result.AddRange(_machine["/out"]);
        }
        return [.. result];
    }

    private Task<TaskReport> RunAsync(TaskStart start, IJobProgramSource? source = null) =>
        new TaskRunner(source ?? this, ScratchDirectory, Small).RunAsync(start, _machine, TestContext.Current.CancellationToken);

    private static TaskStart Start(TaskKind kind, string program, IReadOnlyList<TaskInput> inputs, string output) => new()
    {
        Machine = MachineId.Main, MachineName = "main", Job = new JobId(1), CoordinatorEpoch = 1, Task = 0, Attempt = 1, Kind = kind,
        Program = program, Inputs = inputs, Output = output, Partitions = 1, Principal = Principal.Admin,
    };

    private static byte[] RandomWords(int bytes, Random random)
    {
        var text = new byte[bytes];
        for (var i = 0; i < bytes; i++)
        {
            var n = random.Next(30);
            text[i] = n == 0 ? (byte)'\n' : n < 5 ? (byte)' ' : (byte)('a' + random.Next(4));
        }
        return text;
    }

    private static string Digest(byte[] bytes) => $"{bytes.Length} {Convert.ToHexString(System.Security.Cryptography.SHA256.HashData(bytes))}";

    /// <summary>Lines as pairs that cannot be combined: key is the line, each value a number of its bytes.</summary>
    private sealed class LinesJob : IJobProgram
    {
        public JobPartitioning Partitioning => JobPartitioning.Hash;
        public bool CanCombine => false;
        public void Map(ReadOnlySpan<byte> record, IEmitter emitter) => emitter.Emit(record, record[..Math.Min(2, record.Length)]);
        public void Reduce(ReadOnlySpan<byte> key, IReadOnlyList<ReadOnlyMemory<byte>> values, IEmitter emitter) => emitter.Emit(key, Encoding.ASCII.GetBytes($"{values.Count}"));
        public void Write(ReadOnlySpan<byte> key, ReadOnlySpan<byte> value, IBufferWriter<byte> output)
        {
            output.Write(key);
            output.Write("="u8);
            output.Write(value);
            output.Write("\n"u8);
        }
    }

    private sealed class InOrder : IJobProgram, IJobProgramSource
    {
        public IJobProgram Find(string name) => this;
        public JobPartitioning Partitioning => JobPartitioning.None;
        public bool CanCombine => false;
        public void Map(ReadOnlySpan<byte> record, IEmitter emitter) => emitter.Emit(default, record);
        public void Reduce(ReadOnlySpan<byte> key, IReadOnlyList<ReadOnlyMemory<byte>> values, IEmitter emitter) => throw new NotSupportedException();
        public void Write(ReadOnlySpan<byte> key, ReadOnlySpan<byte> value, IBufferWriter<byte> output)
        {
            output.Write(value);
            output.Write("\n"u8);
        }
    }
}
