using System.Text.Json;
using Orleans.DOS.Catalog;
using Orleans.DOS.Security;

namespace Orleans.DOS.Processes;

/// <summary>A row of dos_processes with its machine's name.</summary>
internal sealed class ProcessRecord
{
    private ProcessSpec? _spec;

    public long Pid { get; set; }
    public long MachineId { get; set; }
    public string MachineName { get; set; } = "";
    public long Incarnation { get; set; }
    public long State { get; set; }
    public long? ExitCode { get; set; }
    public string? Reason { get; set; }
    public string? NodeId { get; set; }
    public long? NodeIncarnation { get; set; }
    public string Program { get; set; } = "";
    public byte[] Spec { get; set; } = [];
    public string Owner { get; set; } = "";
    public long UserId { get; set; }
    public long GroupId { get; set; }
    public long Restart { get; set; }
    public long Restarts { get; set; }
    public long? AskedToEnd { get; set; }
    public long? ParentPid { get; set; }
    public long CreatedAt { get; set; }
    public long? StartedAt { get; set; }
    public long? EndedAt { get; set; }

    public NodeId? Node => NodeId is null ? null : new NodeId(NodeId);

    /// <summary>The part that the kernel decides on.</summary>
    public ProcessRow Row => new(
        (ProcessState)State, Incarnation, Node, NodeIncarnation ?? 0, (RestartPolicy)Restart, (int)Restarts,
        (int?)ExitCode, Reason, Instant(StartedAt), Instant(EndedAt), (ProcessSignal?)AskedToEnd);

    public ProcessStart ToStart() => new()
    {
        Machine = new MachineId(MachineId), MachineName = MachineName, Pid = new ProcessId(Pid), Incarnation = Incarnation,
        Spec = ReadSpec(), Principal = new Principal(Owner, (int)UserId, (int)GroupId), NodeIncarnation = NodeIncarnation ?? 0,
    };

    public ProcessStatus ToStatus() => new()
    {
        Pid = new ProcessId(Pid), Program = Program, Arguments = ReadSpec().Arguments, State = (ProcessState)State, ExitCode = (int?)ExitCode,
        Reason = Reason, Node = Node, Incarnation = Incarnation, Restart = (RestartPolicy)Restart, Restarts = (int)Restarts, Owner = Owner,
        Created = CatalogTime.To(CreatedAt), Started = Instant(StartedAt), Ended = Instant(EndedAt),
        Parent = ParentPid is { } parent ? new ProcessId(parent) : null,
    };

    /// <summary>As it is once it has ended so; this record stays what it was.</summary>
    public ProcessStatus EndedWith(ProcessEnding ending)
    {
        var ended = Row.With(ending);
        return ToStatus() with { State = ended.State, ExitCode = ended.ExitCode, Reason = ended.Reason, Ended = CatalogTime.To(CatalogTime.From(ending.Ended)) };
    }

    public ProcessSpec ReadSpec() => _spec ??= JsonSerializer.Deserialize<ProcessSpec>(Spec) ?? throw new DosException(DosErrorCode.Damaged, $"process {Pid} has no specification");

    /// <summary>Takes over what the kernel decided.</summary>
    public void Apply(ProcessRow row)
    {
        (Incarnation, State, ExitCode, Reason) = (row.Incarnation, (long)row.State, row.ExitCode, row.Reason);
        (NodeId, NodeIncarnation) = (row.Node?.Value, row.Node is null ? null : row.NodeIncarnation);
        (Restarts, AskedToEnd, StartedAt, EndedAt) = (row.Restarts, (long?)row.AskedToEnd, Microseconds(row.Started), Microseconds(row.Ended));
    }

    private static DateTimeOffset? Instant(long? microseconds) => microseconds is { } value ? CatalogTime.To(value) : null;
    private static long? Microseconds(DateTimeOffset? instant) => instant is { } value ? CatalogTime.From(value) : null;
}
