using Orleans.DOS.Catalog;
using Orleans.DOS.Files;
using Orleans.DOS.Nodes;

namespace Orleans.DOS.Jobs;

/// <summary>The file of a winning attempt at a part of the result.</summary>
internal readonly record struct JobAttempt(int Part, string File);

/// <summary>What a coordinator holds of its job in memory: the plan, the table of tasks, the accepted reports.</summary>
internal sealed class JobRun
{
    private const int SamplePiecesMax = 64;
    private const long SamplePieceBytes = 64 * 1024;
    private readonly IReadOnlyList<IReadOnlyList<PlannedPiece>> _maps;
    private readonly Dictionary<int, TaskReport> _reports = [];
    private readonly BatchSize _batch = new();
    // Results that have come and have not their place yet, and the attempts whose files have taken theirs.
    private readonly Queue<int> _arrived = new();
    private readonly Dictionary<int, string> _placed = [];
    /// <summary>Map tasks, from the first, that were located.</summary>
    private int _located;
    private IReadOnlySet<NodeId> _alive = new HashSet<NodeId>();
    private readonly int _retriedBefore;
    private readonly JobRow _row;
    private readonly NodeId _coordinator;

    public JobRun(JobRow row, JobSpec spec, JobPlan plan, long epoch, NodeId coordinator)
    {
        (_row, Spec, Plan, Epoch, _coordinator) = (row, spec, plan, epoch, coordinator);
        _maps = plan.MapInputs();
        Table = new TaskTable(_maps.Count, plan.Partitions, plan.HasSample, spec.AttemptsMax);
        // What the coordinator before this one had under way begins again.
        _retriedBefore = (int)(row.Retried + row.Running);
        BytesTotal = plan.Bytes;
    }

    public JobSpec Spec { get; }
    public JobPlan Plan { get; }
    public long Epoch { get; }
    public TaskTable Table { get; }
    public IReadOnlyList<byte[]> Boundaries { get; private set; } = [];
    public long BytesTotal { get; }
    public long BytesDone { get; private set; }
    public long BytesLocal { get; private set; }
    /// <summary>Result files that are in their place.</summary>
    public int ResultsReady => _placed.Count;
    public int Retried => _retriedBefore + Table.Retried;
    public JobState State => Table.IsMapped && Plan.Partitions > 0 ? JobState.Reducing : JobState.Mapping;

    public void Restore(TaskReport report)
    {
        Table.Restore(report.Task, report.Attempt, Copies(report));
        Count(report);
    }

    /// <summary>Makes a journaled result count.</summary>
    public void Apply(TaskReport report, DateTimeOffset now)
    {
        if (!Table.Succeed(report.Task, report.Attempt, Copies(report), now))
        {
            return;
        }
        if (Table.KindOf(report.Task) == TaskLayer.Map)
        {
            _batch.Add(report.Ran);
        }
        Count(report);
    }

    /// <summary>How many tasks a slot is given now, of so many slots of all nodes. Reducers, which are few and long, come alone.</summary>
    public int BatchSize(int slots) => Table.IsMapped ? 1 : _batch.Next(Table.Pending, slots);

    /// <summary>
    /// An unavailable cluster and a worker that others shared are nobody's fault; a reducer that could not read its input blames the
    /// attempt that made it; everything else is the task's own failure.
    /// </summary>
    public void ApplyFailure(TaskReport report, DateTimeOffset now)
    {
        // An output of which the only copy does not come back has to be made again: it is not waited for as long as a file.
        var isLost = report.LostInput is not null && Table.UnavailableFor(report.Task, now) >= Limits.MapOutputUnavailableMax;
        if (report.ErrorCode is DosErrorCode.Unavailable or DosErrorCode.OutcomeUnknown && !isLost)
        {
            Table.Postpone(report.Task, report.Attempt, report.Error!, now);
            return;
        }
        if (report.IsWorkerLost)
        {
            Table.LoseWorker(report.Task, report.Attempt, report.Error!);
            return;
        }
        if (report.LostInput is null)
        {
            Table.Fail(report.Task, report.Attempt, report.Error!);
            return;
        }
        // Nobody to blame: another reducer has told already, and the output is being made again.
        var blamed = _reports.Values.FirstOrDefault(made => made.Output == report.LostInput);
        Table.FailForLostInput(report.Task, report.Attempt, blamed?.Task ?? -1, blamed?.Attempt ?? 0, report.Error!);
        ForgetUndone();
    }

    public void LoseNode(NodeId node)
    {
        Table.LoseNode(node, _alive);
        ForgetUndone();
    }

    /// <summary>Takes the nodes that live now for those on which outputs can be; each change of them is looked at.</summary>
    public void Follow(IReadOnlySet<NodeId> alive)
    {
        if (!_alive.SetEquals(alive))
        {
            _alive = alive;
            LoseOutputs();
        }
    }

    /// <summary>Outputs of which no copy is on a node that lives are made again.</summary>
    public void LoseOutputs()
    {
        Table.LoseOutputs(_alive);
        ForgetUndone();
    }

    public IReadOnlyList<TaskInput> InputsOf(int task) => Table.KindOf(task) switch
    {
        TaskLayer.Map => Inputs(_maps[task]),
        TaskLayer.Sample => Inputs(Plan.SampleInputs(SamplePiecesMax, SamplePieceBytes)),
        _ => PartsFor(task - _maps.Count),
    };

    /// <summary>A file of the result that has come and is not in its place yet.</summary>
    public bool TryNextResult(out JobAttempt result)
    {
        while (_arrived.TryDequeue(out var task))
        {
            var part = task - FirstResult;
            // Its copies may have been lost since, or an attempt have come twice.
            if (_reports.TryGetValue(task, out var report) && _placed.GetValueOrDefault(part) != report.Output)
            {
                result = new JobAttempt(part, report.Output);
                return true;
            }
        }
        result = default;
        return false;
    }

    public void Placed(JobAttempt result) => _placed[result.Part] = result.File;

    /// <summary>It could not be placed now.</summary>
    public void PlaceLater(JobAttempt result) => _arrived.Enqueue(result.Part + FirstResult);

    // Without a reduction the outputs of the maps are the result.
    private int FirstResult => Plan.Partitions == 0 ? 0 : _maps.Count;

    /// <summary>Tells the table where the input of those tasks lies whose files are all among the first <paramref name="files"/>, each task's once.</summary>
    public void Locate(IReadOnlyDictionary<int, IReadOnlyList<FileLocation>> locations, int files)
    {
        // Tasks have their pieces in the order of the files, and so do their last ones.
        for (; _located < _maps.Count && _maps[_located] is [.., var last] && last.File < files; _located++)
        {
            Table.Locate(_located, BytesByNode(_maps[_located], locations), _maps[_located].Sum(piece => piece.Length));
        }
    }

    public JobStatus Status(JobState? ended = null, string? reason = null, DateTimeOffset? at = null) => new()
    {
        Id = new JobId(_row.JobId),
        Program = _row.Program,
        State = ended ?? State,
        Reason = reason,
        Tasks = Table.Count,
        TasksRunning = ended is null ? Table.Running : 0,
        TasksDone = Table.Done,
        TasksRetried = Retried,
        BytesTotal = BytesTotal,
        BytesDone = BytesDone,
        BytesLocal = BytesLocal,
        Output = _row.Output,
        ResultsReady = ResultsReady,
        Results = ended == JobState.Succeeded ? JobStatuses.Results(_row.Output, Plan.Partitions == 0 ? _maps.Count : Plan.Partitions) : [],
        Coordinator = _coordinator,
        Created = CatalogTime.To(_row.CreatedAt),
        Ended = at,
        Owner = _row.Owner,
        RunningByNode = ended is null ? Table.RunningByNode.ToDictionary(pair => pair.Key.Value, pair => pair.Value) : [],
    };

    private void Count(TaskReport report)
    {
        _reports[report.Task] = report;
        if (Table.KindOf(report.Task) == (Plan.Partitions == 0 ? TaskLayer.Map : TaskLayer.Reduce))
        {
            _arrived.Enqueue(report.Task);
        }
        if (Table.KindOf(report.Task) == TaskLayer.Map)
        {
            BytesDone += report.BytesRead;
            BytesLocal += report.BytesLocal;
        }
        else if (Table.KindOf(report.Task) == TaskLayer.Sample)
        {
            Boundaries = JobPlan.BoundariesOf(report.Samples, Plan.Partitions);
        }
    }

    private void ForgetUndone()
    {
        foreach (var task in _reports.Keys.Where(task => !Table.IsDone(task)).ToArray())
        {
            BytesDone -= _reports[task].BytesRead;
            BytesLocal -= _reports[task].BytesLocal;
            _reports.Remove(task);
        }
    }

    private IReadOnlyList<TaskInput> Inputs(IReadOnlyList<PlannedPiece> pieces) =>
        [.. pieces.Select(piece => Input(Plan.Files[piece.File], piece))];

    private static TaskInput Input(PlannedFile file, PlannedPiece piece) =>
        new(file.Path, piece.Position, piece.Length) { FileSize = file.Size, Inode = file.Inode };

    /// <exception cref="DosException">LimitExceeded: more maps have something for the reducer than it can be told of.</exception>
    private IReadOnlyList<TaskInput> PartsFor(int partition)
    {
        var parts = new List<TaskInput>();
        for (var map = 0; map < _maps.Count; map++)
        {
            var report = _reports[map];
            if (report.Partitions.Count > 0 && report.Partitions[partition] is { Length: > 0 } part)
            {
                parts.Add(new TaskInput(report.Output, part.Position, part.Length));
            }
        }
        return parts.Count <= Limits.ReduceInputsMax
            ? parts
            : throw new DosException(DosErrorCode.LimitExceeded, $"{parts.Count} map tasks have something for one reducer; it can read {Limits.ReduceInputsMax}: make fewer, larger tasks");
    }

    private static IReadOnlyList<IReadOnlyList<NodeId>> Copies(TaskReport report) => [.. report.OutputLocations.Select(location => location.Nodes)];

    private static Dictionary<NodeId, long> BytesByNode(IReadOnlyList<PlannedPiece> pieces, IReadOnlyDictionary<int, IReadOnlyList<FileLocation>> locations)
    {
        var bytes = new Dictionary<NodeId, long>();
        foreach (var piece in pieces)
        {
            foreach (var location in locations.GetValueOrDefault(piece.File, []))
            {
                var overlap = Math.Min(piece.Position + piece.Length, location.Position + location.Length) - Math.Max(piece.Position, location.Position);
                foreach (var node in overlap > 0 ? location.Nodes : [])
                {
                    bytes[node] = bytes.GetValueOrDefault(node) + overlap;
                }
            }
        }
        return bytes;
    }
}
