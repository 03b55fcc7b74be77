namespace Orleans.DOS.Jobs;

/// <summary>A file of the input as it was when the job was planned: bytes beyond <paramref name="Size"/> are not the job's.</summary>
[GenerateSerializer, Immutable, Alias("dos.PlannedFile")]
public sealed record PlannedFile([property: Id(0)] string Path, [property: Id(1)] InodeId Inode, [property: Id(2)] long Size);

/// <summary>A piece of an input file; records that begin in it belong to it.</summary>
public readonly record struct PlannedPiece(int File, long Position, long Length);

/// <summary>
/// What a job will do, decided once and stored: which files in which order, cut how. The tasks follow from it alone, so that every
/// coordinator finds the same ones. Tasks are numbered: map tasks from 0 in the order of the input, then reduce tasks in the order
/// of the partitions, then the sample task if there is one.
/// </summary>
[GenerateSerializer, Immutable, Alias("dos.JobPlan")]
public sealed record JobPlan
{
    [Id(0)] public required IReadOnlyList<PlannedFile> Files { get; init; }
    [Id(1)] public required JobSplit Split { get; init; }
    [Id(2)] public required long RangeBytes { get; init; }
    [Id(3)] public required JobPartitioning Partitioning { get; init; }
    /// <summary>Reduce tasks; 0 when nothing is reduced.</summary>
    [Id(4)] public required int Partitions { get; init; }

    /// <summary>Of <see cref="JobSplit.ByProgram"/>: map tasks, which have no input but their number.</summary>
    [Id(5)] public int NumberedTasks { get; init; }

    /// <summary>Needed to find out where ranges of keys begin.</summary>
    public bool HasSample => Partitioning == JobPartitioning.Range && Partitions > 1 && Split != JobSplit.ByProgram;

    public long Bytes => Files.Sum(file => file.Size);

    /// <summary>
    /// The input of each map task. By file: one file a task. By range: the files in a row, cut every <see cref="RangeBytes"/>, so that a task
    /// holds a piece of a large file or many small files, of which no more than its message can name. By program: none.
    /// </summary>
    public IReadOnlyList<IReadOnlyList<PlannedPiece>> MapInputs()
    {
        if (Split == JobSplit.ByProgram)
        {
            var none = new IReadOnlyList<PlannedPiece>[NumberedTasks];
            Array.Fill(none, []);
            return none;
        }
        var tasks = new List<IReadOnlyList<PlannedPiece>>();
        var pieces = new List<PlannedPiece>();
        long room = RangeBytes;
        var chars = 0;
        for (var file = 0; file < Files.Count; file++)
        {
            var size = Files[file].Size;
            for (long position = 0; position < size;)
            {
                var length = Split == JobSplit.ByFile ? size : Math.Min(room, size - position);
                if (pieces.Count >= Limits.TaskPiecesMax || chars + CharsOf(Files[file]) > Limits.TaskInputCharsMax)
                {
                    Cut();
                    continue;
                }
                pieces.Add(new PlannedPiece(file, position, length));
                chars += CharsOf(Files[file]);
                position += length;
                room -= length;
                if (room <= 0 || Split == JobSplit.ByFile)
                {
                    Cut();
                }
            }
        }
        if (pieces.Count > 0)
        {
            tasks.Add(pieces);
        }
        return tasks;

        void Cut()
        {
            tasks.Add(pieces);
            (pieces, room, chars) = ([], RangeBytes, 0);
        }
    }

    /// <summary>At most so many characters tell a piece in a message: each of the path's may be escaped in JSON, the rest are names and numbers.</summary>
    private static int CharsOf(PlannedFile file) => (6 * file.Path.Length) + 200;

    /// <summary>Pieces spread evenly over the input, for the sample task.</summary>
    public IReadOnlyList<PlannedPiece> SampleInputs(int piecesMax, long bytesEach)
    {
        var total = Bytes;
        var count = Math.Min(piecesMax, Math.Max(1, total / bytesEach));
        var pieces = new List<PlannedPiece>();
        long before = 0;
        long next = 0;
        for (var file = 0; file < Files.Count && pieces.Count < count; file++)
        {
            var size = Files[file].Size;
            while (pieces.Count < count && next < before + size)
            {
                pieces.Add(new PlannedPiece(file, next - before, Math.Min(bytesEach, size - (next - before))));
                next = (long)((Int128)total * pieces.Count / count);
            }
            before += size;
        }
        return pieces;
    }

    /// <summary>First keys of all partitions but the first, so that each gets about as many of the samples.</summary>
    public static IReadOnlyList<byte[]> BoundariesOf(IEnumerable<byte[]> samples, int partitions)
    {
        var sorted = samples.ToArray();
        Array.Sort(sorted, (left, right) => left.AsSpan().SequenceCompareTo(right));
        var boundaries = new List<byte[]>();
        for (var partition = 1; partition < partitions && sorted.Length > 0; partition++)
        {
            boundaries.Add(sorted[(int)((long)sorted.Length * partition / partitions)]);
        }
        return boundaries;
    }

    /// <param name="numberedTasks">What the program says of <see cref="JobSplit.ByProgram"/>.</param>
    /// <exception cref="DosException">LimitExceeded: more than <see cref="Limits.TasksPerJobMax"/> tasks.</exception>
    public static JobPlan Make(IReadOnlyList<PlannedFile> files, JobSpec spec, JobPartitioning partitioning, int nodes, int numberedTasks = 0)
    {
        var partitions = partitioning == JobPartitioning.None ? 0 : spec.Partitions > 0 ? spec.Partitions : Math.Max(1, nodes);
        var plan = new JobPlan
        {
            Files = files, Split = spec.Split, RangeBytes = spec.RangeBytes, Partitioning = partitioning, Partitions = partitions, NumberedTasks = numberedTasks,
        };
        var tasks = partitions + spec.Split switch { JobSplit.ByFile => files.Count, JobSplit.ByProgram => numberedTasks, _ => plan.Bytes / spec.RangeBytes };
        RequireAtMost(tasks, Limits.TasksPerJobMax, "tasks");
        // Counted when it is known that counting has a bound: many files make more tasks than the bytes alone tell.
        var maps = plan.MapInputs().Count;
        RequireAtMost(maps + partitions, Limits.TasksPerJobMax, "tasks");
        // Of numbered tasks many may have nothing to say: those that do are counted when a reducer is to read them.
        if (partitions > 0 && spec.Split != JobSplit.ByProgram)
        {
            RequireAtMost(maps, Limits.ReduceInputsMax, "map tasks whose outputs are reduced");
        }
        return plan;
    }

    private static void RequireAtMost(long count, long max, string what)
    {
        if (count > max)
        {
            throw new DosException(DosErrorCode.LimitExceeded, $"the job has {count} {what}; {max} are allowed: take larger ranges or fewer files");
        }
    }
}
