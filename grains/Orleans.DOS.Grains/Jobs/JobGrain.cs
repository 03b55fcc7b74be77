using Microsoft.Extensions.Logging;
using Orleans.DOS.Nodes;
using Orleans.DOS.Security;
using Orleans.Runtime;

namespace Orleans.DOS.Jobs;

/// <summary>
/// The coordinator of one job. Layers: this file, the calls; Coordinate, its life (take ownership, load, plan, run, end); Tasks, the loop that
/// follows nodes, accepts reports and assigns tasks. Decisions are <see cref="TaskTable"/>'s. A result counts when the journal has it
/// (<see cref="JobJournal"/>), and only then is it acknowledged to its node: so a coordinator that dies between loses nothing and
/// counts nothing twice. If two activations exist, the journal refuses the one with the older epoch, which then stops.
/// </summary>
/// <remarks>
/// The loop runs in turns of this activation and the calls interleave with it: each touches <c>_run</c> only between awaits and leaves it
/// whole.
/// </remarks>
[GrainType("dos.job")]
internal sealed partial class JobGrain : Grain, IJobGrain
{
    private readonly JobJournal _journal;
    private readonly IOwnership _ownership;
    private readonly INodeLease _lease;
    private readonly INodeView _view;
    private readonly INodeClients _clients;
    private readonly IJobPrograms _programs;
    private readonly TimeProvider _time;
    private readonly ILogger<JobGrain> _log;
    private readonly JobId _job;
    private readonly MachineId _machine;
    private readonly CancellationTokenSource _stopping = new();
    private Task _coordinating = Task.CompletedTask;
    private JobRun? _run;
    private JobStatus? _last;
    private bool _isCancelled;
    private TaskCompletionSource _changed = new(TaskCreationOptions.RunContinuationsAsynchronously);

    public JobGrain(
        JobJournal journal, IOwnership ownership, INodeLease lease, INodeView view, INodeClients clients, IJobPrograms programs, TimeProvider time, ILogger<JobGrain> log, IGrainContext grain)
    {
        (_journal, _ownership, _lease, _view, _clients, _programs, _time, _log) = (journal, ownership, lease, view, clients, programs, time, log);
        var (machine, job) = GrainKeys.Parse(grain.GrainId.Key.ToString()!);
        (_machine, _job) = (new MachineId(machine), new JobId(job));
    }

    public override Task OnActivateAsync(CancellationToken cancellationToken)
    {
        _coordinating = CoordinateAsync();
        return Task.CompletedTask;
    }

    public override async Task OnDeactivateAsync(DeactivationReason reason, CancellationToken cancellationToken)
    {
        await _stopping.CancelAsync();
        _changed.TrySetResult();
        await _coordinating;
    }

    public async Task<JobStatus> StatusAsync(CallContext context)
    {
        RequireMachine(context);
        // Without the lease another coordinator may be at it: the journal knows.
        if (_last is { } last && (last.HasEnded || (!_coordinating.IsCompleted && _lease.IsHeld)))
        {
            return last;
        }
        var row = await _journal.FindAsync(_job);
        if (row is null || row.MachineId != _machine.Value)
        {
            DeactivateOnIdle();
            throw new DosException(DosErrorCode.NoSuchJob, $"there is no job {_job}");
        }
        if (!row.HasEnded && _coordinating.IsCompleted)
        {
            // Nobody works at the job here any more: the next call wakes one who does.
            DeactivateOnIdle();
        }
        return JobStatuses.Of(row, row.Plan is null ? null : _journal.Decode<JobPlan>(row.Plan));
    }

    public async Task<JobStatus> WatchAsync(CallContext context, JobStatus? known)
    {
        RequireMachine(context);
        var begin = _time.GetUtcNow();
        while (true)
        {
            var status = await StatusAsync(context);
            var now = _time.GetUtcNow();
            var isNewer = known is null || IsNewer(status, known);
            var left = begin - now + (isNewer && known is not null && !status.HasEnded ? Limits.JobWatchPause : isNewer ? TimeSpan.Zero : Limits.LongPollMax);
            // A grain that goes answers what it has: waiting on for what it will not see any more would hold it up.
            if (left <= TimeSpan.Zero || _stopping.IsCancellationRequested)
            {
                return status;
            }
            await Task.WhenAny(_changed.Task, Task.Delay(left, _time, _stopping.Token));
        }
    }

    public async Task CancelAsync(CallContext context)
    {
        RequireMachine(context);
        var row = await _journal.FindAsync(_job);
        if (row is null || row.MachineId != _machine.Value)
        {
            throw new DosException(DosErrorCode.NoSuchJob, $"there is no job {_job}");
        }
        if (context.Principal.UserId != 0 && context.Principal.UserId != row.Uid)
        {
            throw new DosException(DosErrorCode.PermissionDenied, $"job {_job} belongs to {row.Owner}");
        }
        if (row.HasEnded)
        {
            return;
        }
        _isCancelled = true;
        Signal();
        // Answered when it is durable, so that a cancel is never lost with the coordinator.
        var end = _time.GetUtcNow() + Limits.LongPollMax;
        while (_last is not { HasEnded: true })
        {
            var left = end - _time.GetUtcNow();
            if (left <= TimeSpan.Zero || _stopping.IsCancellationRequested)
            {
                throw new DosException(new DosError(DosErrorCode.Unavailable, $"job {_job} could not be cancelled yet", TimeSpan.FromSeconds(1)));
            }
            await Task.WhenAny(_changed.Task, Task.Delay(left, _time, _stopping.Token));
        }
    }

    /// <summary>The principal of a call is one of its machine: it has no say in another.</summary>
    private void RequireMachine(CallContext context)
    {
        if (context.Machine != _machine)
        {
            throw new DosException(DosErrorCode.PermissionDenied, $"the call is for machine {context.Machine}, not {_machine}");
        }
    }

    private static bool IsNewer(JobStatus status, JobStatus known) =>
        (status.State, status.TasksDone, status.TasksRunning, status.TasksRetried, status.BytesDone, status.ResultsReady, status.Coordinator)
        != (known.State, known.TasksDone, known.TasksRunning, known.TasksRetried, known.BytesDone, known.ResultsReady, known.Coordinator);

    private void Publish(JobStatus status)
    {
        if (_last is null || IsNewer(status, _last) || status.HasEnded)
        {
            _last = status;
            Changed();
        }
    }

    /// <summary>What was published last is not the last any more, and whoever waits for news is to look.</summary>
    private void AnswerFromJournal()
    {
        _last = null;
        Changed();
    }

    private void Changed()
    {
        var changed = _changed;
        _changed = new TaskCompletionSource(TaskCreationOptions.RunContinuationsAsynchronously);
        changed.TrySetResult();
    }
}
