using Orleans.DOS.Files;
using Orleans.DOS.Nodes;
using Orleans.Runtime;

namespace Orleans.DOS.Jobs;

internal sealed partial class JobGrain
{
    /// <summary>The loop looks around at least this often, also when nothing is told.</summary>
    private static readonly TimeSpan LookAround = TimeSpan.FromMilliseconds(500);
    private static readonly TimeSpan RefusalPause = TimeSpan.FromMilliseconds(500);
    private const int LocatingAtOnceMax = 32;
    private readonly Dictionary<NodeId, NodeLink> _links = [];
    private readonly Queue<(NodeLink Link, TaskReport Report)> _inbox = new();
    private TaskCompletionSource _signal = new(TaskCreationOptions.RunContinuationsAsynchronously);

    /// <summary>Until all tasks are done, the job has failed or is cancelled.</summary>
    private async Task RunTasksAsync(JobRun run, JobRow row, JobFiles files, CancellationToken cancellationToken)
    {
        var locating = LocateInputsAsync(run, files, cancellationToken);
        await Task.WhenAny(locating, Task.Delay(LocatingMax, _time, cancellationToken));
        var placing = Task.CompletedTask;
        try
        {
            while (true)
            {
                cancellationToken.ThrowIfCancellationRequested();
                // Armed before looking, so that what happens while looking is not missed.
                var woken = Task.WhenAny(_signal.Task, _view.NextChange, Task.Delay(LookAround, _time, cancellationToken));
                FollowNodes(run);
                await AcceptAsync(run);
                if (placing.IsCompleted)
                {
                    placing = TryPlaceResultsAsync(run, row, files, cancellationToken);
                }
                if (run.Table.IsComplete || run.Table.Failure is not null || _isCancelled)
                {
                    return;
                }
                AssignTasks(run, row);
                Publish(run.Status());
                await woken;
            }
        }
        finally
        {
            foreach (var link in _links.Values)
            {
                link.Close();
            }
            _links.Clear();
            _inbox.Clear();
            await placing;
        }
    }

    /// <summary>Never throws: what is not in its place when all tasks are done is put there then, or fails the job.</summary>
    private async Task TryPlaceResultsAsync(JobRun run, JobRow row, JobFiles files, CancellationToken cancellationToken)
    {
        try
        {
            await PlaceResultsAsync(run, row, files, cancellationToken);
        }
        catch (Exception failure)
        {
            LogNotPlaced(_job.Value, failure);
        }
    }

    private void Signal()
    {
        var signal = _signal;
        _signal = new TaskCompletionSource(TaskCreationOptions.RunContinuationsAsynchronously);
        signal.TrySetResult();
    }

    /// <summary>A node that is no longer Active, or has another address (it has restarted), has lost what ran there.</summary>
    private void FollowNodes(JobRun run)
    {
        // One look: between two of them a node may go.
        var addresses = new Dictionary<NodeId, SiloAddress>();
        foreach (var node in _view.Active)
        {
            if (_view.TryGetAddress(node, out var address))
            {
                addresses.Add(node, address);
            }
        }
        run.Follow(addresses.Keys.ToHashSet());
        foreach (var link in _links.Values.ToArray())
        {
            if (!addresses.TryGetValue(link.Node, out var address) || !address.Equals(link.Address))
            {
                LogNodeLost(_job.Value, link.Node.Value, run.Table.RunningOn(link.Node));
                link.Close();
                _links.Remove(link.Node);
                run.LoseNode(link.Node);
            }
        }
        foreach (var (node, address) in addresses)
        {
            if (!_links.ContainsKey(node))
            {
                var link = new NodeLink(node, address);
                _links.Add(node, link);
                _ = CollectAsync(link, run);
            }
        }
    }

    /// <summary>Asks one node for ended tasks, again and again; never throws.</summary>
    private async Task CollectAsync(NodeLink link, JobRun run)
    {
        while (!link.Closed.IsCancellationRequested)
        {
            try
            {
                long[] acknowledged = [.. link.Handled];
                var reports = await _clients.Programs(link.Node).CollectTasksAsync(_job, run.Epoch, acknowledged, true);
                link.Handled.ExceptWith(acknowledged);
                foreach (var report in reports)
                {
                    if (!link.Closed.IsCancellationRequested && !link.Handled.Contains(report.Key) && link.Unhandled.Add(report.Key))
                    {
                        _inbox.Enqueue((link, report));
                    }
                }
                if (link.Unhandled.Count > 0)
                {
                    Signal();
                    // Asking before the journal has them would only bring the same reports again.
                    await link.AllHandled.WaitAsync(link.Closed);
                }
            }
            catch (OperationCanceledException) when (link.Closed.IsCancellationRequested)
            {
            }
            // Membership decides whether the node lives; until then it is asked again.
            catch (Exception failure)
            {
                LogNodeSilent(_job.Value, link.Node.Value, failure);
                await DelayAsync(RetryDelay);
            }
        }
    }

    /// <summary>All reports that have come together: decide, persist in one transaction, then let them count and acknowledge.</summary>
    private async Task AcceptAsync(JobRun run)
    {
        if (_inbox.Count == 0)
        {
            return;
        }
        var batch = _inbox.ToArray();
        var accepted = new Dictionary<int, (NodeId Node, TaskReport Report, TaskLayer Layer)>();
        foreach (var (link, report) in batch)
        {
            if (report.Error is null && run.Table.Accepts(report.Task, report.Attempt))
            {
                var said = report with { BytesLocal = run.Table.LocalBytes(report.Task, link.Node) };
                accepted.TryAdd(report.Task, (link.Node, said, run.Table.KindOf(report.Task)));
            }
        }
        if (accepted.Count > 0)
        {
            var running = Math.Max(0, run.Table.Running - accepted.Count);
            await _journal.AcceptAsync(_job, run.Epoch, [.. accepted.Values], new JobProgress(run.State, run.Retried, running));
        }
        var now = _time.GetUtcNow();
        // More may have come in while the journal was written: only what was in the batch is taken out.
        foreach (var (link, report) in batch)
        {
            _inbox.Dequeue();
            if (report.Error is not null)
            {
                LogTaskFailed(_job.Value, report.Task, report.Attempt, link.Node.Value, report.Error);
                run.ApplyFailure(report, now);
            }
            else
            {
                // As it stands in the journal: the first of those that came together.
                run.Apply(accepted.TryGetValue(report.Task, out var counted) && counted.Report.Attempt == report.Attempt ? counted.Report : report, now);
            }
            link.Handle(report.Key);
        }
        if (batch.Any(come => come.Link.Closed.IsCancellationRequested))
        {
            // Told before its node went: what it made may have gone with it.
            run.LoseOutputs();
        }
        foreach (var losers in run.Table.TakeLosers().GroupBy(loser => loser.Node))
        {
            _ = DropAsync(run, losers.Key, [.. losers.Select(loser => loser.Assignment)]);
        }
    }

    /// <summary>Ends attempts that came second; never throws. What is not reached only holds its slot until it ends by itself.</summary>
    private async Task DropAsync(JobRun run, NodeId node, IReadOnlyList<TaskAssignment> losers)
    {
        LogDropped(_job.Value, losers.Count, node.Value);
        try
        {
            await _clients.Programs(node).DropTasksAsync(_job, run.Epoch, [.. losers.Select(loser => TaskStart.KeyOf(loser.Task, loser.Attempt))]);
        }
        catch (Exception failure)
        {
            LogNodeSilent(_job.Value, node.Value, failure);
        }
    }

    private void AssignTasks(JobRun run, JobRow row)
    {
        var now = _time.GetUtcNow();
        run.Table.Wake(now);
        var slots = _links.Keys.Sum(SlotsOf);
        var isAny = true;
        // Round by round, so that a few tasks spread over the nodes instead of filling the first one.
        while (isAny)
        {
            isAny = false;
            foreach (var link in _links.Values)
            {
                var batch = run.BatchSize(slots);
                // Of short tasks the next ones wait at the node while the last ones are journaled.
                var lanes = batch > 1 ? 2 * SlotsOf(link.Node) : SlotsOf(link.Node);
                if (now >= link.NotBefore && run.Table.LanesOn(link.Node) < lanes && run.Table.Take(link.Node, batch, now) is { Count: > 0 } taken)
                {
                    isAny = true;
                    _ = StartAsync(run, row, link, taken);
                }
            }
        }
    }

    private int SlotsOf(NodeId node) => !_view.Reports.TryGetValue(node, out var report) ? 1
        : report.State is NodeState.Cordoned or NodeState.Leaving or NodeState.Dead ? 0
        : Math.Max(1, report.CpuMillicores / 1000);

    /// <summary>Has a node begin attempts in one slot; never throws.</summary>
    private async Task StartAsync(JobRun run, JobRow row, NodeLink link, IReadOnlyList<TaskAssignment> assignments)
    {
        IReadOnlyList<TaskStart> starts;
        try
        {
            starts = [.. assignments.Select(assignment => MakeStart(run, row, assignment))];
        }
        catch (DosException impossible)
        {
            Fail(run, assignments, impossible);
            return;
        }
        try
        {
            await _clients.Programs(link.Node).StartTasksAsync(starts);
        }
        catch (DosException refused) when (refused.Code is DosErrorCode.UnknownProgram or DosErrorCode.InvalidArgument or DosErrorCode.NotSupported)
        {
            Fail(run, assignments, refused);
        }
        // Full, away or silent. If it has begun after all, its result is as good as any: the first one counts.
        catch (Exception failure)
        {
            LogNotStarted(_job.Value, assignments[0].Task, assignments.Count, link.Node.Value, failure);
            link.NotBefore = _time.GetUtcNow() + RefusalPause;
            foreach (var assignment in assignments)
            {
                run.Table.Withdraw(assignment.Task, assignment.Attempt, failure is DosException { Code: DosErrorCode.LimitExceeded or DosErrorCode.Stale });
            }
            Signal();
        }
    }

    private void Fail(JobRun run, IReadOnlyList<TaskAssignment> assignments, DosException failure)
    {
        foreach (var assignment in assignments)
        {
            run.Table.Fail(assignment.Task, assignment.Attempt, $"{failure.Code}: {failure.Message}");
        }
        Signal();
    }

    private TaskStart MakeStart(JobRun run, JobRow row, TaskAssignment assignment)
    {
        var layer = run.Table.KindOf(assignment.Task);
        var isResult = layer == TaskLayer.Reduce || run.Plan.Partitions == 0;
        return new TaskStart
        {
            Machine = _machine,
            MachineName = row.MachineName,
            Job = _job,
            CoordinatorEpoch = run.Epoch,
            Task = assignment.Task,
            Attempt = assignment.Attempt,
            Kind = layer switch { TaskLayer.Map => TaskKind.Map, TaskLayer.Reduce => TaskKind.Reduce, _ => TaskKind.Sample },
            Program = row.Program,
            Parameters = run.Spec.Parameters,
            Inputs = run.InputsOf(assignment.Task),
            // Two attempts never share a file, under whichever coordinator.
            Output = $"{JobFiles.ScratchOf(_job)}/{assignment.Task}.{run.Epoch}.{assignment.Attempt}",
            Partitions = Math.Max(1, run.Plan.Partitions),
            Boundaries = run.Boundaries,
            Principal = row.Principal,
            OutputReplicas = isResult ? 0 : 1,
            IsNumbered = run.Plan.Split == JobSplit.ByProgram,
        };
    }

    private async Task LocateInputsAsync(JobRun run, JobFiles files, CancellationToken cancellationToken)
    {
        var planned = run.Plan.Files;
        var locations = new Dictionary<int, IReadOnlyList<FileLocation>>();
        for (var from = 0; from < planned.Count && !cancellationToken.IsCancellationRequested; from += LocatingAtOnceMax)
        {
            var until = Math.Min(planned.Count, from + LocatingAtOnceMax);
            var found = await Task.WhenAll(Enumerable.Range(from, until - from).Select(file => LocateAsync(planned[file], files)));
            for (var file = from; file < until; file++)
            {
                locations[file] = found[file - from];
            }
            run.Locate(locations, until);
        }
    }

    /// <summary>Nothing when it cannot be told: then the task runs wherever there is room.</summary>
    private async Task<IReadOnlyList<FileLocation>> LocateAsync(PlannedFile file, JobFiles files)
    {
        if (file.Size <= Limits.InlineBytesMax)
        {
            return [];
        }
        try
        {
            return await files.LocateAsync(file.Inode);
        }
        catch (Exception failure) when (failure is DosException or TimeoutException or OrleansException)
        {
            LogNotLocated(_job.Value, file.Path, failure);
            return [];
        }
    }
}
