using Xunit;

namespace Orleans.DOS.Jobs;

public sealed class JobPlanTests
{
    [Fact]
    public void MapInputs_OfRandomFiles_CoverEveryByteOnceInOrder()
    {
        for (var seed = 0; seed < 500; seed++)
        {
            var random = new Random(seed);
            var sizes = Enumerable.Range(0, random.Next(0, 20)).Select(_ => (long)random.Next(0, 500)).ToArray();
            var split = random.Next(2) == 0 ? JobSplit.ByRange : JobSplit.ByFile;
            var plan = Plan(sizes, random.Next(1, 300), split);
            var tasks = plan.MapInputs();
            var expected = sizes.SelectMany((size, file) => Enumerable.Range(0, (int)size).Select(position => (file, (long)position)));
            var covered = tasks.SelectMany(pieces => pieces).SelectMany(piece => Enumerable.Range(0, (int)piece.Length).Select(at => (piece.File, piece.Position + at)));
            Assert.Equal(expected, covered);
            Assert.All(tasks, pieces => Assert.True(split == JobSplit.ByFile ? pieces.Count == 1 : pieces.Sum(piece => piece.Length) <= plan.RangeBytes));
            Assert.All(plan.SampleInputs(7, 50), piece => Assert.InRange(piece.Position + piece.Length, 1, sizes[piece.File]));
        }
    }

    [Fact]
    public void Boundaries_OfSamples_GivePartitionsOfAboutOneSize()
    {
        var random = new Random(1);
        var samples = Enumerable.Range(0, 4000).Select(_ => new[] { (byte)random.Next(256), (byte)random.Next(256) }).ToArray();
        var boundaries = JobPlan.BoundariesOf(samples, 4);
        var sizes = samples.GroupBy(key => Partitioner.ByRange(key, boundaries)).OrderBy(group => group.Key).Select(group => group.Count()).ToArray();
        Assert.Equal(4, sizes.Length);
        Assert.All(sizes, size => Assert.InRange(size, 900, 1100));
    }

    [Fact]
    public void ByRange_OfRandomKeys_AgreesWithALinearSearch()
    {
        var random = new Random(2);
        for (var round = 0; round < 1000; round++)
        {
            byte[] Key() => [.. Enumerable.Range(0, random.Next(3)).Select(_ => (byte)random.Next(4))];
            var boundaries = Enumerable.Range(0, random.Next(6)).Select(_ => Key()).Order(Comparer<byte[]>.Create((a, b) => a.AsSpan().SequenceCompareTo(b))).ToArray();
            var key = Key();
            Assert.Equal(boundaries.Count(boundary => key.AsSpan().SequenceCompareTo(boundary) >= 0), Partitioner.ByRange(key, boundaries));
        }
    }

    /// <summary>Stored and exchanged: a change would send keys of running jobs to the wrong reducers.</summary>
    [Fact]
    public void Hash_OfKnownKeys_NeverChanges()
    {
        Assert.Equal(2451088441786776777UL, Partitioner.Hash("the"u8));
    }

    [Fact]
    public void Make_OfTooManyTasks_IsRefused()
    {
        var spec = new JobSpec { Program = "sort", Inputs = ["/a"], RangeBytes = 64 * 1024 };
        var failure = Assert.Throws<DosException>(() => JobPlan.Make([new PlannedFile("/a", new InodeId(5), 1L << 50)], spec, JobPartitioning.Range, 3));
        Assert.Equal(DosErrorCode.LimitExceeded, failure.Code);
    }

    [Fact]
    public void MapInputs_OfManySmallFilesWithLongPaths_FitIntoTheirMessages()
    {
        PlannedFile[] many = [.. Enumerable.Range(0, 25_000).Select(file => new PlannedFile($"/{file}", new InodeId(file + 1), 10))];
        PlannedFile[] longPaths = [.. Enumerable.Range(0, 2000).Select(file => new PlannedFile("/" + new string('\u00e4', 2000), new InodeId(file + 1), 10))];
        foreach (var files in new[] { many, longPaths })
        {
            var plan = new JobPlan { Files = files, Split = JobSplit.ByRange, RangeBytes = 1 << 30, Partitioning = JobPartitioning.Hash, Partitions = 1 };
            var tasks = plan.MapInputs();
            Assert.Equal(Enumerable.Range(0, files.Length), tasks.SelectMany(pieces => pieces).Select(piece => piece.File));
            Assert.All(tasks, pieces => Assert.True(pieces.Count <= Limits.TaskPiecesMax && pieces.Sum(piece => 6L * files[piece.File].Path.Length) <= Limits.TaskInputCharsMax));
        }
    }

    [Fact]
    public void Make_OfMoreMapTasksThanAReducerCanBeToldOf_IsRefused_ButNotWithoutReducers()
    {
        var spec = new JobSpec { Program = "wordcount", Inputs = ["/a"], RangeBytes = 64 * 1024 };
        PlannedFile[] files = [new PlannedFile("/a", new InodeId(5), (Limits.ReduceInputsMax + 1L) * spec.RangeBytes)];
        Assert.Equal(DosErrorCode.LimitExceeded, Assert.Throws<DosException>(() => JobPlan.Make(files, spec, JobPartitioning.Hash, 3)).Code);
        Assert.Equal(Limits.ReduceInputsMax + 1, JobPlan.Make(files, spec, JobPartitioning.None, 3).MapInputs().Count);
    }

    [Theory]
    [InlineData("", 1024 * 1024, 0)]
    [InlineData("sort", 100, 0)]
    [InlineData("sort", 1024 * 1024, -1)]
    public void Check_OfABadSpecification_NamesWhatIsWrong(string program, long rangeBytes, int partitions)
    {
        var spec = new JobSpec { Program = program, Inputs = ["/a"], RangeBytes = rangeBytes, Partitions = partitions };
        Assert.Equal(DosErrorCode.InvalidArgument, Assert.Throws<DosException>(() => JobSpecRules.Check(spec)).Code);
    }

    public static TheoryData<string, JobSpec> SpecsWithNulls()
    {
        var good = new JobSpec { Program = "grep", Inputs = ["/"] };
        return new TheoryData<string, JobSpec>
        {
            { "inputs", good with { Inputs = null! } },
            { "inputs", good with { Inputs = [null!] } },
            { "parameters", good with { Parameters = null! } },
            { "parameters", good with { Parameters = new Dictionary<string, string> { ["pattern"] = null! } } },
            { "program", good with { Program = null! } },
            { "split", good with { Split = (JobSplit)99 } },
        };
    }

    [Theory, MemberData(nameof(SpecsWithNulls))]
    public void Check_OfASpecificationWithNulls_NamesWhatIsWrong(string member, JobSpec spec)
    {
        var failure = Assert.Throws<DosException>(() => JobSpecRules.Check(spec));
        Assert.Equal(DosErrorCode.InvalidArgument, failure.Code);
        Assert.Contains(member, failure.Message, StringComparison.Ordinal);
    }

    private static JobPlan Plan(long[] sizes, long rangeBytes, JobSplit split) => new()
    {
        Files = [.. sizes.Select((size, file) => new PlannedFile($"/{file}", new InodeId(file), size))],
        Split = split, RangeBytes = rangeBytes, Partitioning = JobPartitioning.Hash, Partitions = 2,
    };
}
