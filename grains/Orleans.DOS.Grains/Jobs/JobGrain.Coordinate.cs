using Orleans.DOS.Nodes;
using Orleans.Runtime;

namespace Orleans.DOS.Jobs;

internal sealed partial class JobGrain
{
    private static readonly TimeSpan RetryDelay = TimeSpan.FromMilliseconds(500);
    private static readonly TimeSpan LocatingMax = TimeSpan.FromSeconds(1);
    /// <summary>Unexpected errors in a row before the job is failed instead of tried again for ever.</summary>
    private const int SurprisesMax = 5;

    /// <summary>The life of the coordinator, from activation to the end of the job, over whatever can be tried again.</summary>
    private async Task CoordinateAsync()
    {
        // What this loop calls, it calls as the node: the call that happened to activate the grain must not lend it its credential.
        RequestContext.Clear();
        for (var surprises = 0; !_stopping.IsCancellationRequested;)
        {
            var owned = default(OwnedJob);
            try
            {
                var row = await _journal.FindAsync(_job);
                if (row is null || row.HasEnded)
                {
                    AnswerFromJournal();
                    return;
                }
                var epoch = await _ownership.TakeAsync(ObjectId.Job(_job), taken => owned = new OwnedJob(ObjectId.Job(_job), taken), _stopping.Token);
                using var stop = CancellationTokenSource.CreateLinkedTokenSource(_stopping.Token, owned!.Dropped);
                await CoordinateAsync(epoch, stop.Token);
                return;
            }
            catch (OperationCanceledException) when (_stopping.IsCancellationRequested)
            {
                return;
            }
            catch (Exception stale) when (stale is OperationCanceledException or DosException { Code: DosErrorCode.Stale })
            {
                // Another activation owns the job now: whoever calls next is to find that one.
                AnswerFromJournal();
                LogOwnedElsewhere(_job.Value);
                DeactivateOnIdle();
                return;
            }
            catch (DosException away) when (away.Code is DosErrorCode.Unavailable or DosErrorCode.OutcomeUnknown)
            {
                LogTryingAgain(_job.Value, away);
                await DelayAsync(away.Error.RetryAfter ?? RetryDelay);
            }
            catch (Exception surprise)
            {
                LogSurprise(_job.Value, surprise);
                if (++surprises >= SurprisesMax)
                {
                    // A failed catalog or a bug: this activation gives up, the warden wakes another one.
                    DeactivateOnIdle();
                    return;
                }
                await DelayAsync(RetryDelay);
            }
            finally
            {
                _run = null;
                if (owned is not null)
                {
                    owned.Stopped();
                    await _ownership.ReleaseAsync(owned);
                    await ResignAsync(owned);
                }
            }
        }
    }

    /// <summary>A coordinator that goes with its node leaves the job to the next one, which then need not wait until the node is known to be gone.</summary>
    private async Task ResignAsync(OwnedJob owned)
    {
        if (!_stopping.IsCancellationRequested || owned.Dropped.IsCancellationRequested)
        {
            return;
        }
        try
        {
            await _journal.ResignAsync(_job, owned.Epoch);
        }
        catch (DosException failure)
        {
            LogNotGivenUp(_job.Value, failure);
        }
    }

    private async Task CoordinateAsync(long epoch, CancellationToken cancellationToken)
    {
        // Read again under the epoch: the row of before may be older than the last owner's last write.
        var row = await _journal.FindAsync(_job) ?? throw new DosException(DosErrorCode.NoSuchJob, $"there is no job {_job}");
        if (row.HasEnded)
        {
            AnswerFromJournal();
            return;
        }
        var files = new JobFiles(GrainFactory, _machine, row.Principal, Random.Shared.NextInt64());
        var run = default(JobRun);
        try
        {
            // Looked at before planning too, which may be Unavailable for as long as an input is.
            if (_isCancelled && row.Plan is null)
            {
                await EndAsync(row, null, files, epoch, JobState.Cancelled, null);
                return;
            }
            run = await LoadAsync(row, epoch, files);
            _run = run;
            Publish(run.Status());
            if (!_isCancelled)
            {
                await RunTasksAsync(run, row, files, cancellationToken);
            }
            if (run.Table.Failure is null && !_isCancelled)
            {
                await PlaceResultsAsync(run, row, files, cancellationToken);
            }
        }
        // Expected and lasting (inputs gone, no permission, bad parameters): the job's failure, not the coordinator's.
        catch (DosException lasting) when (lasting.Code is not (DosErrorCode.Unavailable or DosErrorCode.OutcomeUnknown or DosErrorCode.Stale or DosErrorCode.Internal))
        {
            await EndAsync(row, run, files, epoch, JobState.Failed, $"{lasting.Code}: {lasting.Message}");
            return;
        }
        var state = _isCancelled ? JobState.Cancelled : run.Table.Failure is null ? JobState.Succeeded : JobState.Failed;
        await EndAsync(row, run, files, epoch, state, run.Table.Failure);
    }

    private async Task<JobRun> LoadAsync(JobRow row, long epoch, JobFiles files)
    {
        var spec = _journal.Decode<JobSpec>(row.Spec);
        var plan = row.Plan is null ? null : _journal.Decode<JobPlan>(row.Plan);
        if (plan is null)
        {
            var numbered = spec.Split == JobSplit.ByProgram ? _programs.CountTasks(spec.Program, spec.Parameters) : 0;
            plan = JobPlan.Make(await files.ExpandAsync(spec.Inputs), spec, _programs.Check(spec.Program, spec.Parameters), _view.Active.Count, numbered);
            // Again: since the submission another job may have ended there, or somebody may have put files there.
            if (spec.Output is not null)
            {
                await files.CheckOutputAsync(row.Output);
            }
            await files.MakePlacesAsync(_job, row.Output);
            await _journal.SavePlanAsync(_job, epoch, plan);
        }
        var run = new JobRun(row, spec, plan, epoch, _view.Self);
        foreach (var report in await _journal.LoadAsync(_job))
        {
            run.Restore(report);
        }
        run.Follow(_view.Active.ToHashSet());
        LogCoordinates(_job.Value, epoch, run.Table.Done, run.Table.Count);
        return run;
    }

    private async Task EndAsync(JobRow row, JobRun? run, JobFiles files, long epoch, JobState state, string? reason)
    {
        await Task.WhenAll(_view.Active.Select(node => CancelOnAsync(node, epoch)));
        await files.RemoveScratchAsync(_job);
        if (state != JobState.Succeeded && run is not null)
        {
            // All of it or nothing, once the job has ended.
            await files.RemoveResultsAsync(row.Output);
        }
        await _journal.EndAsync(_job, epoch, state, reason, run?.Retried ?? (int)row.Retried, run?.BytesLocal ?? row.BytesLocal);
        LogEnded(_job.Value, state, reason ?? "");
        (row.State, row.Reason) = ((long)state, reason);
        Publish(run?.Status(state, reason, _time.GetUtcNow()) ?? JobStatuses.Of(row, null) with { Ended = _time.GetUtcNow(), Coordinator = _view.Self });
    }

    private async Task CancelOnAsync(NodeId node, long epoch)
    {
        try
        {
            await _clients.Programs(node).CancelTasksAsync(_job, epoch);
        }
        // What still runs there writes files that nobody reads; the node drops it when it hears of a newer epoch or restarts.
        catch (Exception failure) when (failure is DosException or TimeoutException or OrleansException)
        {
            LogNodeSilent(_job.Value, node.Value, failure);
        }
    }

    /// <summary>Results take their places as they come, each at once and whole, so that nobody has to wait for the last to read the first.</summary>
    private async Task PlaceResultsAsync(JobRun run, JobRow row, JobFiles files, CancellationToken cancellationToken)
    {
        while (run.TryNextResult(out var result))
        {
            try
            {
                cancellationToken.ThrowIfCancellationRequested();
                await files.CommitAsync(result.File, JobStatuses.Result(row.Output, result.Part));
            }
            catch
            {
                run.PlaceLater(result);
                throw;
            }
            run.Placed(result);
        }
    }

    private async Task DelayAsync(TimeSpan delay)
    {
        try
        {
            await Task.Delay(delay, _time, _stopping.Token);
        }
        catch (OperationCanceledException)
        {
        }
    }

    /// <summary>Lets a later owner stop this one: called from the node's service, not in a turn of the grain.</summary>
    private sealed class OwnedJob(ObjectId target, long epoch) : IOwnedObject
    {
        private readonly CancellationTokenSource _dropped = new();
        private readonly TaskCompletionSource _stopped = new(TaskCreationOptions.RunContinuationsAsynchronously);

        public ObjectId Object => target;
        public long Epoch => epoch;
        public CancellationToken Dropped => _dropped.Token;

        public void Stopped() => _stopped.TrySetResult();

        public async Task DropAsync()
        {
            await _dropped.CancelAsync();
            await _stopped.Task;
        }
    }
}
